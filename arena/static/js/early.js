// early.js - says before the first paint that scripts run, so that no picture shows before its neighbour
document.documentElement.classList.add("scripted");
