// admin.js - asks every two seconds how far the pictures of a campaign are, and writes it where it stood

const EVERY = 2000;

/**
 * @param {HTMLElement} place
 */
export function enhance(place) {
  let etag = "";

  const write = (told) => {
    for (const cell of place.querySelectorAll("[data-cell]")) {
      const text = told.cells[cell.dataset.cell];
      if (text !== undefined && cell.textContent !== text) cell.textContent = text;
    }
    for (const bar of place.querySelectorAll("[data-bar]")) {
      bar.setAttribute("width", told.bars[bar.dataset.bar] ?? "0%");
    }
  };
  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.campaign, { headers: { Accept: "application/json", "If-None-Match": etag } });
      if (answer.status === 403) {
        location.reload();
        return;
      }
      if (answer.ok) {
        etag = answer.headers.get("ETag") ?? "";
        const told = await answer.json();
        write(told);
        if (!told.active) {
          location.reload();
          return;
        }
      }
    } catch {
      // the server is away for a moment; ask again
    }
    setTimeout(ask, EVERY);
  };
  setTimeout(ask, EVERY);
}

document.querySelectorAll("[data-campaign]").forEach(enhance);
