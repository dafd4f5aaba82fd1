/* A button beside commands, for who has a script-running browser; the words for it stand in the page. */
(() => {
  "use strict";

  const offer = (remedy) => {
    const commands = remedy.querySelector("pre");
    if (!commands || remedy.querySelector("button")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.js = "";
    button.textContent = remedy.dataset.copy;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(commands.textContent);
        button.textContent = remedy.dataset.copied;
      } catch {
        // No clipboard without TLS, but on the machine itself: mark the text, so that one key copies it.
        getSelection().selectAllChildren(commands);
        button.textContent = remedy.dataset.marked;
      }
      setTimeout(() => { button.textContent = remedy.dataset.copy; }, 3000);
    });
    commands.before(button);
  };

  const offerAll = () => document.querySelectorAll("[data-copy]").forEach(offer);
  offerAll();
  document.addEventListener("infra-monitor:updated", offerAll);
})();
