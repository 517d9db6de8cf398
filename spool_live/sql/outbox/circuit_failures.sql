SELECT failures FROM live_delivery_circuit WHERE failures > 0
