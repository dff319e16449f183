// The part that all widgets share; each widget's own script follows it.

function element(tag, className = "", text = "", attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text; // never HTML: a world may write anything
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  return made;
}

function button(label, title, act) {
  const made = element("button", "", label, { type: "button", title });
  if (act) made.addEventListener("click", act);
  return made;
}

// A drawing made by Python; as text it could run nothing, as HTML it might.
function drawing(text) {
  const made = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  return document.importNode(made, true);
}

// A tree made by Python's `markup`: a text, or [tag, attributes, ...children].
function grown(tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const [tag, attributes, ...children] = tree;
  if (tag === "svg") return drawing(children[0]);
  const made = element(tag, "", "", attributes);
  made.append(...children.map(grown));
  return made;
}

// Shows trees in a box. What a reader has unfolded stays so, and the focus stays near.
function regrow(box, trees) {
  const folds = () => [...box.querySelectorAll("details[data-key]")];
  const open = new Map(folds().map((fold) => [fold.dataset.key, fold.open]));
  const held = box.contains(document.activeElement);
  box.replaceChildren(...trees.map(grown));
  for (const fold of folds()) fold.open = open.get(fold.dataset.key) ?? fold.open;
  if (held) box.focus({ preventScroll: true });
}

// Scrolls a box, and never the page, to what is marked as `here` in it, or to its table
// if it is the first row there; a little of what comes before stays in sight.
function toHere(box) {
  const here = box.querySelector(".here");
  if (!here) return;
  const mark = here.previousElementSibling ? here : here.closest("table") ?? here;
  const gap = mark.getBoundingClientRect().top - box.getBoundingClientRect().top;
  box.scrollTop += gap - 60;
}

// The frame of a widget: theme, keys kept from the notebook, a line that is read out,
// and `ask`, which sends a request. `draw` is called with each new view.
function frame(model, el, kind, label, draw) {
  const root = element("section", `tk ${kind}`, "", { "aria-label": label });
  // JupyterLab would otherwise take letters for its own shortcuts
  root.dataset.lmSuppressShortcuts = "true";
  const spoken = element("p", "spoken", "", { role: "status" });
  const waiting = element("p", "waiting", "Waiting: the kernel is busy with a cell.");
  waiting.hidden = true;
  let patience;

  function ask(request) {
    const id = (model.get("request").id ?? 0) + 1;
    model.set("request", { id, ...request });
    model.save_changes();
    root.setAttribute("aria-busy", "true");
    clearTimeout(patience);
    patience = setTimeout(() => { waiting.hidden = false; }, 1500);
  }

  function refresh() {
    clearTimeout(patience);
    waiting.hidden = true;
    root.removeAttribute("aria-busy");
    const view = model.get("view");
    draw(view);
    spoken.textContent = view.announce;
  }

  function dress() {
    root.dataset.theme = model.get("theme");
  }

  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Escape") return;
    document.activeElement.blur();
    root.closest(".jp-Notebook")?.focus();
  });
  el.append(root);
  return {
    root,
    ask,
    start(...parts) {
      root.append(...parts, waiting, spoken);
      model.on("change:view", refresh);
      model.on("change:theme", dress);
      dress();
      refresh();
    },
    stop() {
      clearTimeout(patience);
      model.off("change:view", refresh);
      model.off("change:theme", dress);
    },
  };
}
