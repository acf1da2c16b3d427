// early.js - says before the first paint that scripts run, so that no picture shows before its neighbour
document.documentElement.classList.add("scripted");

// A transition that comes too late is skipped by the browser: the page simply shows, and that is no error.
for (const moment of ["pageswap", "pagereveal"]) {
  window.addEventListener(moment, ({ viewTransition }) => {
    viewTransition?.ready.catch(() => {});
    viewTransition?.finished.catch(() => {});
    viewTransition?.updateCallbackDone.catch(() => {});
  });
}
