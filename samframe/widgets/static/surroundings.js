// What lies around a widget in its page: the theme, which may change, and sliders, which have no name of their own.

const STYLED_MS = [100, 500, 2000];

// Call back when the page's theme changes: at once, and again once its style sheet has come. Returns what ends it.
export function watchTheme(repaint) {
  let later = [];
  const told = () => {
    later.forEach(clearTimeout);
    repaint();
    later = STYLED_MS.map((wait) => setTimeout(repaint, wait));
  };
  const themes = new MutationObserver(told);
  const names = ["data-jp-theme-light", "data-jp-theme-name", "data-theme", "class"];
  for (const one of [document.documentElement, document.body]) themes.observe(one, { attributes: true, attributeFilter: names });
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", told);
  return () => {
    themes.disconnect();
    dark.removeEventListener("change", told);
    later.forEach(clearTimeout);
  };
}

// Name the handles of ipywidgets' sliders, now and as they come: a screen reader says "noUi-handle-lower" otherwise.
export function nameSliders(around) {
  if (!around) return () => {};
  const name = () => {
    around.querySelectorAll(".noUi-handle:not([aria-label])").forEach((handle) => {
      const label = handle.closest(".widget-inline-hbox")?.querySelector(".widget-label")?.textContent.trim();
      if (!label) return;
      const isRange = handle.closest(".noUi-target")?.querySelector(".noUi-handle-upper");
      const end = isRange ? (handle.classList.contains("noUi-handle-lower") ? ", least" : ", most") : "";
      handle.setAttribute("aria-label", `${label}${end}`);
    });
  };
  const comings = new MutationObserver(name);
  comings.observe(around, { childList: true, subtree: true });
  name();
  return () => comings.disconnect();
}
