// The annotator's controls: made once from a list, told of states; texts go in as textContent only.

const KEY_HELP = [
  ["click", "include"],
  ["right-click", "exclude"],
  ["click a point", "remove it"],
  ["Enter", "send"],
  ["Q", "queue"],
  ["Shift Enter", "send queue"],
  ["A", "accept"],
  ["R", "reject"],
  ["N", "next"],
  ["P", "previous"],
  ["U", "undo"],
  ["Y", "redo"],
  ["C", "compare"],
  ["T", "write prompt"],
  ["1 2 3", "points, brush, polygon"],
  ["E", "add or erase"],
  ["[ ]", "brush size"],
  ["wheel", "zoom"],
  ["drag", "pan"],
  ["0", "fit"],
];

// Return an element with a class, texts and children.
function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

function makeButton(page, action, text, key, title) {
  const words = make("span", "", text);
  const button = make("button", "", words, ...(key ? [make("kbd", "", key)] : []));
  button.type = "button";
  button.title = title;
  button.dataset.action = action;
  button.addEventListener("click", (event) => {
    // After a click of the mouse the keys are the annotator's again: Enter sends, and does not press the button once more.
    if (event.detail) page.root.focus({ preventScroll: true });
    page.onAction(action);
  });
  page.buttons[action] = { button, words };
  return button;
}

function makeInput(page, name, label, hint) {
  const input = make("input", "sf-grow");
  input.type = "text";
  input.placeholder = hint;
  input.spellcheck = false;
  input.setAttribute("aria-label", label);
  input.addEventListener("blur", () => page.onWritten(name, input.value));
  input.addEventListener("input", () => page.onTyping(name));
  page.inputs[name] = input;
  return input;
}

// Return the page's parts; the handlers onAction, onWritten, onTyping, onSize and onGo are set by who draws it.
export function makePage() {
  const page = { buttons: {}, inputs: {}, onAction() {}, onWritten() {}, onTyping() {}, onSize() {}, onGo() {} };
  page.root = make("div", "samframe-annotator");
  page.root.tabIndex = 0;
  page.root.dataset.lmSuppressShortcuts = "true";
  page.count = make("span", "sf-count");
  page.label = make("span", "sf-label sf-grow");
  page.chip = make("span", "sf-chip");
  page.strip = make("canvas", "sf-strip");
  page.strip.title = "All rows; click to go to one";
  page.canvas = make("canvas", "");
  page.canvas.setAttribute("role", "img");
  page.caption = make("div", "sf-caption");
  page.stage = make("div", "sf-stage", page.canvas, page.caption);
  page.message = make("div", "sf-message");
  page.message.setAttribute("role", "status");
  page.size = make("input", "");
  Object.assign(page.size, { type: "range", min: "1", max: "100", value: "12" });
  page.size.setAttribute("aria-label", "Brush radius in pixels");
  page.size.addEventListener("input", () => page.onSize(Number(page.size.value)));
  page.strip.addEventListener("click", (event) => page.onGo(event.offsetX / page.strip.clientWidth));
  const b = (...of) => makeButton(page, ...of);
  const head = make("div", "sf-bar", make("span", "sf-group", b("previous", "‹", "P", "Previous row"), b("next", "›", "N", "Next row")), page.count, make("span", "sf-faint", "index"), page.label, page.chip);
  const tools = make(
    "div",
    "sf-bar",
    make("span", "sf-group", b("points", "Points", "1", "Click to include, right-click or Shift-click to exclude"), b("brush", "Brush", "2", "Paint; right button or Shift erases"), b("polygon", "Polygon", "3", "Click corners, Enter closes")),
    b("erase", "Add", "E", "Whether brush and polygon add or erase"),
    make("label", "", "size", page.size),
    make("span", "sf-grow"),
    b("compare", "Compare", "C", "What the edits added and removed"),
    b("fit", "Fit", "0", "Show the whole image"),
    make("span", "sf-group", b("undo", "Undo", "U", "Undo the latest step, of any row"), b("redo", "Redo", "Y", "Do it again")),
  );
  const asking = make("div", "sf-bar", makeInput(page, "prompt", "Prompt", "prompt: what to find (used where there are no points)"), b("send", "Send", "Enter", "Send this row as one paid job"), b("queue", "Queue", "Q", "Put this row in the queue, or take it out"), b("send_queue", "Send queue", "⇧ Enter", "Send all rows of the queue as one batch"));
  const deciding = make("div", "sf-bar", makeInput(page, "note", "Note", "note"), b("reject", "Reject", "R", "Throw the edits away: the row keeps the mask it came with"), b("accept", "Accept", "A", "Write this mask to the result"));
  page.buttons.accept.button.classList.add("sf-main");
  page.buttons.send.button.classList.add("sf-main");
  const keys = make("div", "sf-keys");
  for (const [key, words] of KEY_HELP) keys.append(make("span", "", make("kbd", "", key), ` ${words}`));
  page.root.append(head, page.strip, tools, page.stage, asking, deciding, page.message, keys);
  return page;
}

function chipOf(state) {
  if (state.is_waiting) return ["waiting for the mask …", "busy"];
  if (state.review === "accepted") return state.is_changed ? ["accepted, changed since", "warn"] : ["accepted", "good"];
  if (state.review === "rejected") return ["rejected", "warn"];
  if (state.edited) return [`${state.edited}: not accepted yet`, "busy"];
  return state.mask ? ["as it came", ""] : ["no mask", "warn"];
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setInput(input, value) {
  if (document.activeElement !== input && input.value !== value) input.value = value;
}

// Bring the controls up to date. `tools`: tool, isErasing, isComparing, radius, isTyping.
export function showState(page, state, tools) {
  const isEmpty = state.row === null || state.row === undefined;
  const { send, queue, send_queue: sendQueue, erase } = page.buttons;
  for (const { button } of Object.values(page.buttons)) button.disabled = isEmpty;
  setText(page.count, isEmpty ? "no rows" : `${state.at + 1} of ${state.n_rows}`);
  if (isEmpty) return;
  setText(page.label, state.label);
  page.label.title = state.label;
  const [words, mood] = chipOf(state);
  setText(page.chip, words);
  page.chip.dataset.mood = mood;
  setInput(page.inputs.prompt, state.prompt);
  setInput(page.inputs.note, state.note);
  for (const tool of ["points", "brush", "polygon"]) page.buttons[tool].button.setAttribute("aria-pressed", String(tools.tool === tool));
  page.buttons.compare.button.setAttribute("aria-pressed", String(tools.isComparing));
  setText(erase.words, tools.isErasing ? "Erase" : "Add");
  erase.button.setAttribute("aria-pressed", String(tools.isErasing));
  page.size.value = String(tools.radius);
  page.size.title = `${tools.radius} px`;
  const price = tools.isTyping ? state.most : state.price;
  const isPriced = price.usd !== null;
  setText(send.words, isPriced ? `Send ${state.by === "points" && !tools.isTyping ? "points" : "prompt"}: ${price.text}` : "Send");
  send.button.disabled = !isPriced || state.is_waiting;
  const queued = state.queue.rows;
  setText(queue.words, queued.includes(state.row) ? "Queued" : "Queue");
  queue.button.setAttribute("aria-pressed", String(queued.includes(state.row)));
  setText(sendQueue.words, queued.length ? `Send ${queued.length}: ${state.queue.text || "price not known"}` : "Send queue");
  sendQueue.button.disabled = !queued.length || state.queue.usd === null;
  page.buttons.accept.button.disabled = !state.mask;
  page.buttons.undo.button.disabled = !state.undo;
  page.buttons.redo.button.disabled = !state.redo;
  page.buttons.previous.button.disabled = state.at === 0;
  page.buttons.next.button.disabled = state.at === state.n_rows - 1;
}

const MARK_COLOURS = { w: "#56b4e9", q: "#cc79a7", f: "#d55e00", a: "#009e73", r: "#8a5a00", c: "#0072b2" };

// Draw the strip of rows: a mark's colour for each, and where one is.
export function drawStrip(strip, marks, at, ground, ink) {
  const width = (strip.width = Math.max(1, Math.round(strip.clientWidth * (window.devicePixelRatio || 1))));
  const height = (strip.height = 16);
  const context = strip.getContext("2d");
  const step = width / Math.max(1, marks.length);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  const gap = step > 6 ? 1 : 0;
  for (let row = 0; row < marks.length; row += 1) {
    const colour = MARK_COLOURS[String.fromCharCode(marks[row])];
    if (!colour && row !== at) continue;
    context.fillStyle = colour ?? ink;
    if (colour) context.fillRect(row * step, 0, Math.max(1, step - gap), height);
    if (row === at) {
      context.fillStyle = ink;
      context.fillRect(row * step, height - 5, Math.max(3, step - gap), 5);
    }
  }
}
