// Buttons with data-copies copy the text of the element whose id it is.
"use strict";

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
}

async function copy(element) {
  if (navigator.clipboard && window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(element.textContent);
      return true;
    } catch {
      // The browser does not allow it here: use the older way, which needs no permission.
    }
  }
  select(element);
  return document.execCommand("copy");
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const element = document.getElementById(button.dataset.copies);
  const status = button.parentElement.querySelector("[role=status]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const copied = await copy(element);
    status.textContent = copied ? button.dataset.done : button.dataset.failed;
  });
}
