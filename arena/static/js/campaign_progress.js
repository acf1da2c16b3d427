// campaign_progress.js - asks every ten seconds whether a campaign has anything new to show, and then shows it

const EVERY = 10000;

/**
 * @param {HTMLElement} place
 */
export function enhance(place) {
  let etag = "";

  const ask = async () => {
    try {
      const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json", "If-None-Match": etag } });
      if (answer.status === 403 || (answer.ok && etag)) {
        location.reload();
        return;
      }
      etag = answer.headers.get("ETag") ?? etag;
    } catch {
      // the server is away for a moment; ask again
    }
    setTimeout(ask, EVERY);
  };
  ask();
}

document.querySelectorAll("[data-progress]").forEach(enhance);
