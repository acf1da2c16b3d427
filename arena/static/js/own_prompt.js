// own_prompt.js - counts the letters of the prompt; asks every two seconds whether both pictures are here

const EVERY = 2000;

/**
 * @param {HTMLTextAreaElement} field
 */
export function count(field) {
  const line = field.form.querySelector("[data-count]");
  const write = new Intl.NumberFormat(document.documentElement.lang);
  const tell = () => {
    const told = { "{n}": write.format([...field.value].length), "{size}": write.format(field.maxLength) };
    line.textContent = line.dataset.of.replace(/\{n\}|\{size\}/g, (name) => told[name]);
  };
  line.hidden = false;
  field.addEventListener("input", tell);
  tell();
}

/**
 * @param {HTMLElement} section
 */
export function watch(section) {
  const say = (name, words) => {
    const line = section.querySelector(`[data-${name}]`);
    if (line.textContent !== words) line.textContent = words;
  };
  const ask = async () => {
    try {
      const answer = await fetch(section.dataset.own, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (told.settled || !answer.ok) {
        location.replace(section.dataset.own);
        return;
      }
      say("stage", told.stage);
      say("wait", told.wait);
      section.querySelector("[data-share]").setAttribute("width", `${told.share}%`);
    } catch {
      // the server is away for a moment; ask again
    }
    setTimeout(ask, EVERY);
  };
  setTimeout(ask, EVERY);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.repeat) section.querySelector("[data-cancel]").requestSubmit();
  });
}

document.querySelectorAll("[data-prompt]").forEach(count);
document.querySelectorAll("[data-own]").forEach(watch);
