// waiting.js - asks every two seconds whether a pair can be hung, and goes there

const EVERY = 2000;

/**
 * @param {HTMLElement} section
 */
export function enhance(section) {
  const bar = section.querySelector("[data-bar]");
  const line = section.querySelector("[data-line]");
  const write = new Intl.NumberFormat(document.documentElement.lang);

  const ask = async () => {
    try {
      const answer = await fetch(section.dataset.waiting, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (told.battle || told.state === "finished") {
        location.replace(told.battle ?? section.dataset.waiting);
        return;
      }
      if (told.asked) {
        bar.setAttribute("width", `${(100 * told.made) / told.asked}%`);
        const words = line.dataset.of.replace("{made}", write.format(told.made)).replace("{asked}", write.format(told.asked));
        if (line.textContent !== words) line.textContent = words;
      }
    } catch {
      // the server is away for a moment; ask again
    }
    setTimeout(ask, EVERY);
  };
  setTimeout(ask, EVERY);
}

document.querySelectorAll("[data-waiting]").forEach(enhance);
