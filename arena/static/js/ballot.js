// ballot.js - the ballot opens when both pictures have decoded; keys 1-4, arrows, S; one answer only

import { isCommand, keysOn, setKeys } from "./keys.js";
import { deliver } from "./outbox.js";
import { decodePair, hang } from "./swap.js";
import { underWay } from "./told.js";

const ANSWERS = {
  1: "left", ArrowLeft: "left", 2: "tie", ArrowUp: "tie", 3: "both_bad", ArrowDown: "both_bad", 4: "right", ArrowRight: "right",
};

/**
 * Wait until a picture can be painted whole; one that fails is asked for once more.
 * @param {HTMLImageElement} image
 */
async function decoded(image) {
  try {
    await image.decode();
  } catch {
    const address = image.src;
    image.src = "";
    image.src = address;
    await image.decode();
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {AbortSignal} signal
 */
export async function enhance(form, signal) {
  const fieldset = form.querySelector("fieldset");
  const pair = document.querySelector("[data-pair]");
  const skip = document.querySelector("form[data-skip]");
  let shown = 0;
  let sent = false;

  keySwitch(document.querySelector("[data-keys]"));
  skip.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sent) return;
    sent = true;
    const { page, address } = await deliver(skip, event.submitter);
    if (signal.aborted) return;
    if (!page) {
      location.assign(address);
      return;
    }
    underWay();
    if (page.main.querySelector("[data-pair]")) await decodePair(page).catch(() => {}); // the page says what is missing
    hang(page);
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sent) return;
    sent = true;
    form.elements.elapsed_ms.value = String(Math.round(performance.now() - shown));
    event.submitter?.classList.add("pressed");
    const { page, address } = await deliver(form, event.submitter);
    if (signal.aborted) return;
    if (page) hang(page);
    else location.assign(address);
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (!isCommand(event) || !keysOn()) return;
      if (event.key.toLowerCase() === "s") {
        skip.requestSubmit();
        return;
      }
      const scrolls = document.documentElement.scrollHeight > window.innerHeight + 8;
      if (scrolls && (event.key === "ArrowUp" || event.key === "ArrowDown")) return;
      const answer = ANSWERS[event.key];
      if (!answer || fieldset.disabled) return;
      event.preventDefault();
      form.requestSubmit(form.querySelector(`button[value="${answer}"]`));
    },
    { signal },
  );

  const opened = () => {
    shown = performance.now();
    fieldset.disabled = false;
    fieldset.classList.add("open");
  };
  if (pair.classList.contains("ready")) {
    opened(); // its pictures were decoded before it was hung
    return;
  }
  fieldset.disabled = true;
  try {
    await Promise.all([...pair.querySelectorAll("[data-canvas] > img")].map(decoded));
  } catch {
    document.querySelector("[data-missing]").hidden = false;
    return;
  }
  pair.classList.add("fades", "ready");
  requestAnimationFrame(opened);
}

/**
 * Single keys can be turned off.
 * @param {HTMLButtonElement} button
 */
function keySwitch(button) {
  const show = () => {
    button.textContent = keysOn() ? button.dataset.off : button.dataset.on;
    document.body.classList.toggle("keys-off", !keysOn());
  };
  button.addEventListener("click", () => {
    setKeys(!keysOn());
    show();
  });
  show();
}
