// What the keyboard does, wherever the focus is, but for fields that are typed into.

export function listen(deeds) {
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input:not([type=range]):not([type=checkbox]), textarea, select");
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return run(event, deeds.search);
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return undefined;
    // A dialog that was closed just now may still have the focus: nobody sees what it would press.
    const isPressed = event.target.matches("button, summary, a, input") && !event.target.closest("dialog");
    if (event.key === " " && isPressed) return undefined;
    const name = event.key === " " ? "Space" : event.key;
    return run(event, deeds[name]);
  });
}

function run(event, deed) {
  if (!deed) return;
  event.preventDefault();
  deed();
}
