// Renews the dashboard every few seconds, and sends the ping without leaving the page. Without
// JavaScript the page works as well: it shows the state as of when it was loaded.
(() => {
    "use strict";
    const EVERY = 5000;
    const PATIENCE = 20000;
    const find = (name) => document.querySelector(`[data-live-${name}]`);
    const [now, pause, stale] = [find("now"), find("pause"), find("stale")];
    const [form, result] = [find("ping"), find("result")];
    if (!now) return;
    let paused = false;
    let renewed = new Date();

    async function ask(url, options) {
        const answer = await fetch(url, { credentials: "same-origin", ...options });
        if (answer.redirected) throw new Error("you are not signed in any more");
        if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
        return new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes;
    }

    function replace(where, nodes) {
        const focused = where.contains(document.activeElement) ? document.activeElement : null;
        const link = focused && focused.getAttribute("href");
        const region = focused && focused.getAttribute("aria-labelledby");
        const left = where.querySelector(".live-scroll")?.scrollLeft ?? 0;
        where.replaceChildren(...nodes);
        const scroll = where.querySelector(".live-scroll");
        if (scroll) scroll.scrollLeft = left;
        if (link) where.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus({ preventScroll: true });
        else if (region) scroll?.focus({ preventScroll: true });
    }

    async function renew() {
        if (!paused && !document.hidden) {
            try {
                const limit = AbortSignal.timeout(PATIENCE);
                replace(now, await ask(now.dataset.url, { signal: limit }));
                renewed = new Date();
                stale.hidden = true;
                now.classList.remove("live-old");
            } catch (error) {
                const since = renewed.toLocaleTimeString();
                stale.textContent = `${stale.dataset.text} ${since}: ${error.message}.`;
                stale.hidden = false;
                now.classList.add("live-old");
            }
        }
        setTimeout(renew, EVERY);
    }

    async function ping(event) {
        event.preventDefault();
        const button = form.querySelector("button");
        button.disabled = true;
        result.textContent = result.dataset.sending;
        try {
            const body = new FormData(form);
            body.set("fragment", "1");
            replace(result, await ask(form.action, { method: "POST", body }));
        } catch (error) {
            result.textContent = `${result.dataset.failed} ${error.message}.`;
        } finally {
            button.disabled = false;
        }
    }

    pause.hidden = false;
    pause.addEventListener("click", () => {
        paused = !paused;
        pause.textContent = paused ? pause.dataset.resume : pause.dataset.pause;
    });
    form?.addEventListener("submit", ping);
    setTimeout(renew, EVERY);
})();
