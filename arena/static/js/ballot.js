// ballot.js - the ballot opens when both pictures have decoded; keys 1-4, arrows, S; one answer only

import { isCommand, keysOn, setKeys } from "./keys.js";
import { enhance as enhanceZoom } from "./zoom.js";

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
 */
export async function enhance(form) {
  const fieldset = form.querySelector("fieldset");
  const pair = document.querySelector("[data-pair]");
  const images = [...pair.querySelectorAll("img")];
  const skip = document.querySelector("form[data-skip]");
  let shown = 0;
  let sent = false;

  fieldset.disabled = true;
  enhanceZoom(pair);
  keySwitch(document.querySelector("[data-keys]"));

  form.addEventListener("submit", (event) => {
    if (sent) {
      event.preventDefault();
      return;
    }
    sent = true;
    form.elements.elapsed_ms.value = String(Math.round(performance.now() - shown));
    event.submitter?.classList.add("pressed");
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  document.addEventListener("keydown", (event) => {
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
  });

  try {
    await Promise.all(images.map(decoded));
  } catch {
    document.querySelector("[data-missing]").hidden = false;
    return;
  }
  pair.classList.add("fades", "ready");
  requestAnimationFrame(() => {
    shown = performance.now();
    fieldset.disabled = false;
    fieldset.classList.add("open");
  });
}

/**
 * Single keys can be turned off.
 * @param {HTMLButtonElement} button
 */
function keySwitch(button) {
  const tell = () => {
    button.textContent = keysOn() ? button.dataset.off : button.dataset.on;
    document.body.classList.toggle("keys-off", !keysOn());
  };
  button.addEventListener("click", () => {
    setKeys(!keysOn());
    tell();
  });
  tell();
}

document.querySelectorAll("form[data-ballot]").forEach(enhance);
