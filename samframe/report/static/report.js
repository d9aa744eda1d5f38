// The report's rows as cards, with filters and an order. Text reaches the page by textContent only.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);

function element(kind, className, text) {
  const made = document.createElement(kind);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function image(kind, className, base64, words) {
  const made = element("img", className);
  made.src = `data:image/${kind};base64,${base64}`;
  made.alt = words;
  made.decoding = "async";
  return made;
}

function percent(share) {
  if (share > 0 && share < 0.001) return "under 0.1%";
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
}

function picture(row) {
  const box = element("div", "picture");
  if (row.size) box.style.aspectRatio = `${row.size[1]} / ${row.size[0]}`;
  if (row.image >= 0) box.append(image("jpeg", "photo", data.images[row.image], "image"));
  if (row.mask) box.append(image("png", "mask", row.mask, "mask"));
  const lacks = [row.image < 0 ? "image not shown" : "", row.area === null ? "no mask" : ""].filter(Boolean);
  if (lacks.length) box.append(element("span", "none", lacks.join(", ")));
  return box;
}

function facts(row) {
  const words = [];
  if (row.area !== null) words.push(`${row.area.toLocaleString("en")}\u00a0px, ${percent(row.share)} of the image`);
  if (row.time !== null) words.push(`${row.time.toFixed(2)}\u00a0s`);
  return words.join(" · ");
}

function doubt(row) {
  const bar = element("div", "bar");
  const filled = element("i", "");
  filled.style.width = `${100 * row.doubt}%`;
  bar.append(filled);
  bar.title = `suspicion ${row.doubt.toFixed(2)}`;
  return bar;
}

function text(row) {
  const box = element("div", "text");
  const add = (className, words) => {
    if (!words) return;
    const line = element("div", className, words);
    line.dir = "auto";
    line.title = words;
    box.append(line);
  };
  add("prompt", row.prompt || `row ${row.label}`);
  if (row.status) {
    const status = element("span", "status");
    const dot = element("span", "dot");
    dot.style.background = data.colours[row.status] || data.other_colour;
    status.append(dot, element("span", "", row.status.replaceAll("_", " ")));
    box.append(status);
  }
  add("facts", facts(row));
  if (row.doubt !== null && row.doubt > 0) box.append(doubt(row));
  add("why", row.why);
  add("error", row.error);
  row.extra.forEach((words, at) => words && add("extra", `${data.labels[at]}: ${words}`));
  add("source", [`row ${row.label}`, row.source].filter(Boolean).join(" · "));
  return box;
}

function card(row) {
  const made = element("article", "card");
  made.append(picture(row), text(row));
  return made;
}

function number(id, missing) {
  const value = by(id).value.trim();
  return value === "" || Number.isNaN(Number(value)) ? missing : Number(value);
}

function filters() {
  return {
    words: by("words").value.trim().toLocaleLowerCase(),
    status: by("status").value,
    least: number("least", -Infinity) / 100,
    most: number("most", Infinity) / 100,
    doubt: number("doubt", 0),
  };
}

function passes(row, wanted) {
  if (wanted.status !== "*" && row.status !== wanted.status) return false;
  if (wanted.words && !row.found.includes(wanted.words)) return false;
  if (wanted.doubt > 0 && !(row.doubt >= wanted.doubt)) return false;
  if (wanted.least === -Infinity && wanted.most === Infinity) return true;
  return row.share !== null && row.share >= wanted.least && row.share <= wanted.most;
}

const last = (value) => (value === null ? -Infinity : value);
const ORDERS = {
  frame: (a, b) => a.place - b.place,
  doubt: (a, b) => last(b.doubt) - last(a.doubt) || a.place - b.place,
  small: (a, b) => (a.share ?? Infinity) - (b.share ?? Infinity) || a.place - b.place,
  large: (a, b) => last(b.share) - last(a.share) || a.place - b.place,
  slow: (a, b) => last(b.time) - last(a.time) || a.place - b.place,
  prompt: (a, b) => a.prompt.localeCompare(b.prompt) || a.place - b.place,
};

const rows = data.rows.map((row, place) => ({
  ...row,
  place,
  card: card(row),
  found: [row.prompt, row.label, row.source, row.why, row.error, ...row.extra].join("\n").toLocaleLowerCase(),
}));
const main = document.querySelector("main");
const nothing = element("p", "nothing", rows.length ? "No row passes the filters." : "The frame has no rows.");

function show() {
  const wanted = filters();
  const kept = rows.filter((row) => passes(row, wanted)).sort(ORDERS[by("order").value]);
  main.replaceChildren(...(kept.length ? kept.map((row) => row.card) : [nothing]));
  by("count").textContent = `${kept.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} rows`;
}

const counts = new Map();
rows.forEach((row) => row.status && counts.set(row.status, (counts.get(row.status) || 0) + 1));
counts.forEach((count, status) => {
  const option = element("option", "", `${status.replaceAll("_", " ")} (${count.toLocaleString("en")})`);
  option.value = status;
  by("status").append(option);
});
by("overlay").addEventListener("input", () => main.style.setProperty("--overlay", by("overlay").value));
for (const id of ["words", "status", "least", "most", "doubt", "order"]) by(id).addEventListener("input", show);
main.style.setProperty("--tile", `${data.tile}px`);
show();
