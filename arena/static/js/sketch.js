// sketch.js - asks every two seconds whether a sketch is painted, and shows the page anew when it is

const EVERY = 2000;

/**
 * @param {HTMLElement} frame
 */
export function enhance(frame) {
  const line = frame.querySelector("[data-line]");

  const ask = async () => {
    try {
      const answer = await fetch(frame.dataset.sketch, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (told.settled || !answer.ok) {
        location.reload();
        return;
      }
      if (line.textContent !== told.line) line.textContent = told.line;
    } catch {
      // the server is away for a moment; ask again
    }
    setTimeout(ask, EVERY);
  };
  setTimeout(ask, EVERY);
}

document.querySelectorAll("[data-sketch]").forEach(enhance);
