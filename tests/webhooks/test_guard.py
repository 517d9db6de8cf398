"""What a hostile endpoint may try: it gains nothing, and delays no other endpoint."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from spool_live import webhooks
from spool_live.delivery import deliver_and_mirror
from spool_live.models import Site, WebhookDelivery, WebhookEndpoint
from spool_live.webhooks import addresses, guard
from spool_live.webhooks.client import EXCERPT, Client, EndpointAnswer
from spool_live.webhooks.guard import EndpointRefusedError, check_endpoint, check_url
from tests.outbox.conftest import waiting
from tests.waiting import comes_true
from tests.webhooks.receiving import Inbox, receiving

Live = Callable[..., None]
Names = dict[str, list[list[str]]]


@pytest.fixture
def public_only(live: Live) -> None:
    """Nothing is allowed beyond the public Internet; any port is."""
    live(WEBHOOK_ALLOWED_NETWORKS=[], WEBHOOK_PORTS=["1-65535"])


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Names and their addresses: of each list of answers one is taken at each question."""
    known: Names = {}
    real = socket.getaddrinfo

    def ask(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, port, *args, **options)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    return known


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client()
    yield made
    made.close()


def post(client: Client, url: str, seconds: float = 5.0) -> EndpointAnswer:
    return client.post(url, b"{}", {"content-type": "application/json"}, seconds)


HOSTILE_URLS = {
    "loopback": "https://127.0.0.1/",
    "loopback by name": "https://localhost/",
    "the whole of 127/8": "https://127.8.8.8/",
    "zero": "https://0.0.0.0/",
    "private": "https://10.1.2.3/",
    "private 172": "https://172.31.255.255/",
    "private 192": "https://192.168.0.1/",
    "carrier": "https://100.64.0.1/",
    "link-local": "https://169.254.1.1/",
    "metadata": "https://169.254.169.254/latest/meta-data/",
    "metadata of Azure": "https://168.63.129.16/",
    "metadata of Alibaba": "https://100.100.100.200/",
    "metadata of Oracle": "https://192.0.0.192/",
    "metadata over IPv6": "https://[fd00:ec2::254]/",
    "multicast": "https://224.0.0.1/",
    "broadcast": "https://255.255.255.255/",
    "documentation": "https://203.0.113.5/",
    "IPv6 loopback": "https://[::1]/",
    "IPv6 unspecified": "https://[::]/",
    "IPv6 link-local": "https://[fe80::1]/",
    "IPv6 zone": "https://[fe80::1%25eth0]/",
    "IPv6 site-local": "https://[fec0::1]/",
    "IPv6 unique local": "https://[fd12:3456::1]/",
    "IPv6 multicast": "https://[ff02::1]/",
    "IPv6 documentation": "https://[2001:db8::1]/",
    "IPv4-mapped": "https://[::ffff:127.0.0.1]/",
    "IPv4-mapped in hexadecimal": "https://[::ffff:7f00:1]/",
    "IPv4-compatible": "https://[::127.0.0.1]/",
    "NAT64": "https://[64:ff9b::7f00:1]/",
    "NAT64 to metadata": "https://[64:ff9b::a9fe:a9fe]/",
    "local NAT64": "https://[64:ff9b:1::7f00:1]/",
    "6to4": "https://[2002:7f00:1::]/",
    "Teredo": "https://[2001:0:7f00:1::]/",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "hexadecimal": "https://0x7f.0.0.1/",
    "hexadecimal as one": "https://0x7f000001/",
    "short": "https://127.1/",
    "final dot": "https://127.0.0.1./",
    "fullwidth digits": "https://\uff11\uff12\uff17.0.0.1/",
    "user": "https://user@8.8.8.8/",
    "user and password": "https://user:word@8.8.8.8/",
    "empty user": "https://@8.8.8.8/",
    "user that looks like a host": "https://example.com@127.0.0.1/",
    "backslash": "https://example.com\\@127.0.0.1/",
    "space": "https://127.0.0.1 .example.com/",
    "newline": "https://example.com/\nhost: x",
    "fragment": "https://8.8.8.8/#@127.0.0.1",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "no host": "https:///path",
    "port that is none": "https://8.8.8.8:99999/",
    "http": "http://8.8.8.8/",
    "unix socket": "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
}


@pytest.mark.parametrize("url", HOSTILE_URLS.values(), ids=HOSTILE_URLS)
def test_hostile_url_is_refused_when_made_and_when_sent(
    url: str, public_only: None, client: Client
) -> None:
    with pytest.raises(EndpointRefusedError):
        check_endpoint(url)
    answer = post(client, url)
    assert answer.status is None
    assert answer.error.startswith("refused by the CMS")


@pytest.mark.parametrize(
    "url",
    ["https://93.184.215.14/", "https://[2606:4700::1111]/hook", "https://[64:ff9b::5db8:d70e]/"],
)
def test_public_addresses_are_not_refused(url: str, public_only: None) -> None:
    check_endpoint(url)


def test_every_address_of_a_name_is_checked(public_only: None, names: Names) -> None:
    names["two.example"] = [["93.184.215.14", "10.0.0.1"]]
    with pytest.raises(EndpointRefusedError, match="is of a private network"):
        check_endpoint("https://two.example/")


def test_name_that_changes_between_check_and_connection_leads_nowhere(
    live: Live, names: Names, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: one question is asked, and the connection goes to its answer."""
    live(WEBHOOK_PORTS=["1-65535"], WEBHOOK_ALLOWED_NETWORKS=[])
    names["rebind.example"] = [["93.184.215.14"], ["127.0.0.1"]]
    connected: list[str] = []

    def connect(address: Any, *args: Any, **options: Any) -> Any:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    answer = post(client, "https://rebind.example/")
    assert connected == ["93.184.215.14"]
    assert "connection refused" in answer.error
    post(client, "https://rebind.example/")
    assert connected == ["93.184.215.14"], "and the next connection is checked anew"


def test_own_public_addresses_are_refused(public_only: None, names: Names, settings: Any) -> None:
    names["cms.example"] = [["93.184.215.14"]]
    names["alias.example"] = [["93.184.215.14"]]
    settings.ALLOWED_HOSTS = [".cms.example", "*"]
    with pytest.raises(EndpointRefusedError, match="the CMS itself"):
        check_endpoint("https://alias.example/")


def test_address_of_an_interface_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    own = ip_address("127.0.0.1")
    assert addresses._is_of_this_machine(own)
    assert not addresses._is_of_this_machine(ip_address("93.184.215.14"))
    monkeypatch.setattr(addresses, "_is_of_this_machine", lambda address: True)
    assert addresses.refusal(ip_address("93.184.215.14"), [], []) == "is an address of this machine"


@pytest.mark.parametrize("port", [22, 25, 80, 6379, 5432])
def test_port_is_refused_that_is_not_on_the_list(port: int, live: Live) -> None:
    live(WEBHOOK_PORTS=["443", "8443"], WEBHOOK_ALLOWED_NETWORKS=[])
    with pytest.raises(EndpointRefusedError, match="WEBHOOK_PORTS"):
        check_url(f"https://93.184.215.14:{port}/")


def test_plain_http_goes_to_allowed_networks_only(live: Live, names: Names) -> None:
    live(WEBHOOK_PORTS=["80"], WEBHOOK_ALLOWED_NETWORKS=["10.0.0.0/8"])
    check_endpoint("http://10.0.0.1/")
    with pytest.raises(EndpointRefusedError, match="http goes nowhere else"):
        check_endpoint("http://93.184.215.14/")


def test_proxies_of_the_environment_are_not_used(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with receiving() as inbox:
        inbox.answers = [418]
        assert post(client, inbox.url).status == 418


# -- what answers -------------------------------------------------------------------------------

Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def serving(serve: Serve, asked: list[bytes] | None = None) -> Iterator[str]:
    """A server of ours that answers each connection by ``serve``; ``asked`` gets what it was sent
    first."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def accept() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.settimeout(10)
                head = connection.recv(65_536)
                if asked is not None:
                    asked.append(head)
                serve(connection, over)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            over.set()
            thread.join()


def drips_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.02):
        connection.sendall(b"X: y\r\n")


def drips_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.02):
        connection.sendall(b".")


def says_continue(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.005):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def says_nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


@pytest.mark.parametrize(
    "serve", [drips_headers, drips_body, says_continue, says_nothing], ids=lambda s: s.__name__
)
def test_slow_answer_ends_with_the_deadline(serve: Serve, client: Client) -> None:
    with serving(serve) as url:
        began = time.monotonic()
        answer = post(client, url, 0.5)
        assert time.monotonic() - began < 5
    assert answer.status is None
    assert "within 0.5 s" in answer.error


@pytest.mark.django_db(databases="__all__")
@pytest.mark.parametrize(
    "serve", [drips_headers, drips_body, says_continue, says_nothing], ids=lambda s: s.__name__
)
def test_slow_answer_delays_no_other_site(
    serve: Serve, site: Site, endpoint: WebhookEndpoint, inbox: Inbox, live: Live
) -> None:
    live(WEBHOOK_CONCURRENCY=1, WEBHOOK_TIMEOUT=60)
    in_time: list[bool] = []
    over = threading.Event()

    def watch() -> None:
        in_time.append(comes_true(lambda: inbox.events, 30))
        over.set()

    with serving(lambda connection, _: serve(connection, over)) as url:
        slow = Site.objects.create(name="Slow")
        webhooks.create_endpoint(slow, url)
        WebhookDelivery.objects.filter(pk=endpoint.pk).update(last_run_at=timezone.now())
        waiting(slow)
        waiting(site)
        deliver_and_mirror("default")
        watcher = threading.Thread(target=watch)
        watcher.start()
        webhooks.send_pending("default")
        watcher.join()
    assert in_time == [True]


def test_proxy_of_the_settings_is_used(live: Live) -> None:
    asked: list[bytes] = []

    def forward(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with serving(forward, asked) as url:
        live(WEBHOOK_PROXY=url.replace("//", "//courier:p%40ss@").rstrip("/"))
        client = Client()
        assert post(client, "http://127.0.0.1:1024/hook").status == 204
        client.close()
    [head] = asked
    assert head.startswith(b"POST http://127.0.0.1:1024/hook HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + b64encode(b"courier:p@ss") in head


def endless_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")


def gzip_bomb(connection: socket.socket, over: threading.Event) -> None:
    bomb = bytes.fromhex("1f8b08000000000000ff") + b"\xec\xc1\x01" * 20_000
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    connection.sendall(head.encode() + bomb)


@pytest.mark.parametrize("serve", [endless_body, gzip_bomb], ids=lambda s: s.__name__)
def test_large_answer_is_read_no_further_than_needed_and_never_unpacked(
    serve: Serve, client: Client
) -> None:
    with serving(serve) as url:
        answer = post(client, url)
    assert answer.status == 200
    assert len(answer.body) <= EXCERPT
    if serve is gzip_bomb:
        assert answer.body.startswith(b"\x1f\x8b"), "as it was sent"


def test_hundred_megabytes_of_headers_are_not_read(client: Client) -> None:
    sent = 0

    def count(connection: socket.socket, over: threading.Event) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1_600):
            connection.sendall(b"X-Filler: " + b"x" * 65_000 + b"\r\n")
            sent += 65_000

    with serving(count) as url:
        answer = post(client, url)
    assert answer.status is None
    assert sent < 20_000_000


def test_redirect_is_a_failure_and_is_not_followed(client: Client) -> None:
    with receiving() as inside, receiving() as inbox:
        inbox.answers = [(307, {"location": inside.url}), (302, {"location": inside.url})]
        for status in (307, 302):
            answer = post(client, inbox.url)
            assert (answer.status, answer.is_success) == (status, False)
            assert "not followed" in answer.error
        assert inside.requests == []


def test_cookie_is_not_kept(client: Client) -> None:
    with receiving() as inbox:
        inbox.answers = [(500, {"set-cookie": "a=b"}), 500]
        post(client, inbox.url)
        post(client, inbox.url)
        assert "cookie" not in inbox.requests[1][0]


def closes(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")


def speaks_no_http(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"220 smtp.example ESMTP\r\n")


@pytest.mark.parametrize("serve", [closes, speaks_no_http], ids=lambda s: s.__name__)
def test_answer_that_is_none_is_a_failure_with_words(serve: Serve, client: Client) -> None:
    with serving(serve) as url:
        answer = post(client, url)
    assert (answer.status, answer.is_success) == (None, False)
    cut = "the connection broke"  # where the receiver ends before it has read the request
    assert answer.error in {"the answer is not HTTP, or ended too early", cut}


def test_certificate_of_another_name_is_refused(
    client: Client, names: Names, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def serve(connection: socket.socket, over: threading.Event) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def accept() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection, suppress(OSError):
                    serve(connection, threading.Event())

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        names["shop.example"] = [["127.0.0.1"]]
        answer = post(client, f"https://shop.example:{port}/")
        thread.join(5)
    assert answer.status is None
    assert answer.error.startswith("the certificate is not accepted")


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate that nobody has signed, and its key."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def test_own_addresses_outlive_a_name_server_that_is_away(
    names: Names, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["cms.example"] = [["93.184.215.14"]]
    settings.ALLOWED_HOSTS = ["cms.example"]
    now = [0.0]
    assert guard.own_addresses(lambda: now[0]) == {ip_address("93.184.215.14")}

    def away(*args: Any, **options: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", away)
    now[0] = 1_000.0
    assert guard.own_addresses(lambda: now[0]) == {ip_address("93.184.215.14")}
