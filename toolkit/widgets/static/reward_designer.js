// Draws what Python made of a reward, and reports moved sliders and chosen rows.
const KEYS = "Arrows move a slider or go through a list · Tab goes on · " +
  "Esc returns to the notebook";

// One slider with its number field. `move` is called with each new value.
function slider(spec, move, reset, remove) {
  const box = element("div", "slider");
  const label = element("label");
  const name = element("span", "name", spec.label ?? spec.name);
  const ink = element("b", "ink", "", { "aria-hidden": "true" });
  if (spec.ink) label.append(ink);
  const range = element("input", "", "", { type: "range" });
  label.append(name, range);
  const field = element("input", "", "", {
    type: "number", step: "any", "aria-label": `${spec.name} as a number`,
  });
  const back = button("↺", `Reset ${spec.name}`, reset);
  back.setAttribute("aria-label", `Reset ${spec.name}`);
  const buttons = element("span", "buttons");
  buttons.append(field, back);
  if (remove) {
    const out = button("✕", `Take ${spec.name} out`, remove);
    out.setAttribute("aria-label", `Remove ${spec.name}`);
    buttons.append(out);
  }
  const hint = element("p", "quiet", spec.hint ?? spec.settings ?? "");
  box.append(label, buttons, hint);
  range.addEventListener("input", () => {
    field.value = Number(range.value);
    move(Number(range.value));
  });
  field.addEventListener("change", () => move(field.valueAsNumber));

  function update(next, place, keep) {
    range.min = next.low;
    range.max = next.high;
    range.step = next.step;
    if (!keep) {
      range.value = next.value;
      field.value = Number(next.value.toPrecision(6));
    }
    const was = next.was === undefined || next.was === null || next.was === next.value
      ? "" : `was ${Number(next.was.toPrecision(6))}`;
    hint.textContent = [spec.hint ?? spec.settings, was].filter(Boolean).join(" · ");
    back.disabled = !was;
    ink.textContent = place;
    ink.style.background = next.ink;
  }
  return { box, range, field, update };
}

function drawCell(tag, cell, ask) {
  const made = element(tag, cell.kind ?? "");
  if (tag === "th") made.setAttribute("scope", "row");
  made.style.setProperty("--size", cell.size ?? 0);
  if (cell.svg) made.append(drawing(cell.svg));
  if (cell.ask) {
    const pick = button(cell.text, "Look at it", () => ask(cell.ask));
    pick.dataset.key = JSON.stringify(cell.ask);
    pick.setAttribute("aria-pressed", Boolean(cell.pressed));
    made.append(pick);
  } else {
    made.append(cell.text);
  }
  if (cell.small) made.append(element("small", "", cell.small));
  return made;
}

// A page of a table, with buttons to the other pages.
function drawTable(table, ask) {
  const box = element("div", "list");
  const scroll = element("div", "scroll", "",
    { role: "region", "aria-label": table.caption, tabindex: "0" });
  const made = element("table", table.of);
  const head = element("tr");
  for (const name of table.heads) {
    head.append(element("th", "", name, { scope: "col" }));
  }
  const top = element("thead");
  top.append(head);
  const body = element("tbody");
  for (const [first, ...rest] of table.rows) {
    const row = element("tr", first.pressed ? "chosen" : "");
    row.append(drawCell("th", first, ask), ...rest.map((c) => drawCell("td", c, ask)));
    body.append(row);
  }
  made.append(element("caption", "", table.caption), top, body);
  scroll.append(made);
  box.append(scroll);
  if (!table.place) return box;
  const turn = (label, step, off) => {
    const to = button(label, "", () =>
      ask({ do: "page", of: table.of, page: table.page + step }));
    to.dataset.key = `${table.of} ${label}`;
    to.setAttribute("aria-label", `${label} ${table.of}`);
    to.disabled = off;
    return to;
  };
  const pager = element("p", "pager");
  pager.append(turn("Earlier", -1, table.page === 0),
    element("span", "", table.place), turn("Later", 1, table.is_last));
  box.append(pager);
  return box;
}

function drawFact(fact) {
  const box = element("div", "", "", { title: fact.hint });
  const now = element("dd", "", fact.now);
  if (fact.was) now.append(element("small", "", `was ${fact.was}`));
  box.append(element("dt", "", fact.name), now, element("dd", "hint", fact.hint));
  return box;
}

function render({ model, el }) {
  let view;
  let names = "";
  let sliders = new Map();
  const moved = new Map(); // what waits until the last move was answered
  const { root, ask, start, stop } =
    frame(model, el, "reward_designer", "Design a reward", draw);

  const head = element("header");
  const counts = element("span");
  head.append(element("strong", "name", "What is paid, and what it teaches"), counts);
  const facts = element("dl", "facts");
  const note = element("p", "note");

  const side = element("aside");
  const weights = element("div", "sliders", "", { role: "group", "aria-label": "Weights" });
  const settings = element("div", "sliders", "",
    { role: "group", "aria-label": "When it is paid" });
  const adding = element("form", "adding");
  const choice = element("select", "", "", { "aria-label": "Term to add" });
  const add = button("Add term", "Add it with a small weight");
  add.type = "submit";
  adding.append(choice, add);
  const reset = button("Reset all", "Back to the first setting", () => ask({ do: "reset" }));
  const code = element("code");
  const block = element("pre");
  block.append(code);
  const copy = button("Copy", "Copy the code", copyCode);
  const made = element("div", "code");
  const bar = element("div", "bar");
  bar.append(element("h4", "", "The reward as code"), copy);
  made.append(bar, block);
  side.append(element("h4", "", "Weights, numbered as in the bars"), weights, adding,
    element("h4", "", "When it is paid"), settings, reset, made);

  const warnings = element("ul", "warnings", "", { "aria-label": "What is wrong" });
  const games = element("div");
  const episodes = element("div");
  const title = element("p", "title");
  const problems = element("div", "problems");
  const turns = element("div");
  const strip = element("figure", "", "",
    { tabindex: "0", "aria-label": "Advantage of each token" });
  const about = element("p", "about");
  const results = element("div", "results");
  results.append(warnings, games, episodes, title, problems, turns, strip, about);
  const body = element("div", "body");
  body.append(side, results);

  function move(request) {
    if (root.hasAttribute("aria-busy")) moved.set(request.term ?? request.do, request);
    else ask(request);
  }

  async function copyCode() {
    try {
      await navigator.clipboard.writeText(view.code);
      copy.textContent = "Copied";
    } catch { // not allowed here: selected, it can be copied by hand
      document.getSelection().selectAllChildren(code);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  }

  function drawSliders() {
    const known = JSON.stringify([view.terms, view.settings].map((list) =>
      list.map((s) => [s.name, s.settings])));
    if (known !== names) {
      names = known;
      const terms = view.terms.map((spec) => [spec.name, slider(spec,
        (value) => move({ do: "weight", term: spec.name, value }),
        () => ask({ do: "reset", name: spec.name }),
        () => ask({ do: "remove", term: spec.name }))]);
      const others = view.settings.map((spec) => [`*${spec.name}`, slider(spec,
        (value) => move({ do: spec.name, value }),
        () => ask({ do: "reset", name: spec.name }))]);
      sliders = new Map([...terms, ...others]);
      weights.replaceChildren(...terms.map(([, s]) => s.box));
      settings.replaceChildren(...others.map(([, s]) => s.box));
    }
    // a slider that went on since must not be drawn back
    const late = (view.answered ?? 0) < (model.get("request").id ?? 0) || moved.size;
    const update = (made, spec, place) => {
      const held = [made.range, made.field].includes(document.activeElement);
      made.update(spec, place, held && late);
    };
    view.terms.forEach((spec, k) => update(sliders.get(spec.name), spec, k + 1));
    view.settings.forEach((spec) => update(sliders.get(`*${spec.name}`), spec));
  }

  function drawChoices() {
    const chosen = choice.value;
    choice.replaceChildren(...view.choices.map(({ name, needs }) => {
      const text = needs ? `${name} (designer.add with ${needs})` : name;
      const option = element("option", "", text, { value: name });
      option.disabled = Boolean(needs);
      return option;
    }));
    const free = view.choices.filter((c) => !c.needs).map((c) => c.name);
    choice.value = free.includes(chosen) ? chosen : free[0] ?? "";
    adding.hidden = !free.length;
  }

  function drawWarnings() {
    warnings.replaceChildren(...view.warnings.map(({ text, see }) => {
      const item = element("li", "", text);
      if (see !== undefined) {
        const show = button("Show", "Look at this episode",
          () => ask({ do: "choose", episode: see }));
        show.dataset.key = `see ${text}`;
        item.append(show);
      }
      return item;
    }));
    warnings.hidden = !view.warnings.length;
  }

  function drawStrip() {
    strip.replaceChildren();
    if (view.strip) {
      strip.append(element("figcaption", "",
        "Hatched tokens were written by the world: they are not trained on."),
      drawing(view.strip));
    } else if (view.no_tokens) {
      strip.append(element("p", "quiet", view.no_tokens));
    }
  }

  function draw(next) {
    view = next;
    const focused = document.activeElement;
    const key = root.contains(focused) ? focused.dataset.key : undefined;
    counts.textContent = view.head;
    facts.replaceChildren(...view.facts.map(drawFact));
    note.textContent = view.note;
    note.hidden = !view.note;
    drawSliders();
    drawChoices();
    drawWarnings();
    for (const [place, table] of
      [[games, view.games], [episodes, view.episodes], [turns, view.turns]]) {
      place.replaceChildren(...(table ? [drawTable(table, ask)] : []));
    }
    title.textContent = view.title;
    problems.replaceChildren(...view.problems.map((text) => element("p", "", text)));
    about.textContent = view.about;
    drawStrip();
    code.textContent = view.code;
    reset.disabled = !view.changed;
    if (key && !root.contains(focused)) {
      const same = [...root.querySelectorAll("[data-key]")].find((b) =>
        b.dataset.key === key && !b.disabled);
      (same ?? root.querySelector(".chosen button"))?.focus({ preventScroll: true });
    }
    const [waiting] = moved;
    if (waiting) {
      moved.delete(waiting[0]);
      ask(waiting[1]);
    }
  }

  adding.addEventListener("submit", (event) => {
    event.preventDefault();
    if (choice.value) ask({ do: "add", term: choice.value });
  });
  root.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const list = event.target.closest("tbody");
    if (!step || !list || event.target.tagName !== "BUTTON") return;
    const rows = [...list.querySelectorAll("button")];
    const to = rows[rows.indexOf(event.target) + step];
    to?.focus();
    to?.click();
    event.preventDefault();
  });

  start(head, facts, note, body, element("p", "help", KEYS));
  return stop;
}

export default { render };
