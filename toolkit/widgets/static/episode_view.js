// Shows the episode that Python sends, and reports where the reader wants to go.
function render({ model, el }) {
  let view = model.get("view");
  const { root, ask, start, stop } =
    frame(model, el, "episode_view", "Read an episode", draw);
  const go = (turn) => ask({ do: "jump", turn });

  const head = element("header");
  const body = element("div", "body", "", { role: "log", "aria-live": "off" });
  body.tabIndex = 0;

  const back = button("Previous turn", "p", () => go(view.turn - 1));
  const next = button("Next turn", "n", () => go(view.turn + 1));
  const number = element("input", "", "", { type: "number", min: 1, step: 1 });
  number.addEventListener("change", () => go(number.valueAsNumber || view.turn));
  const jump = element("label", "", "Turn ");
  const total = element("span", "quiet");
  jump.append(number, total);
  const fold = button("Fold what was seen", "o", () => ask({ do: "fold" }));
  const way = element("select");
  way.addEventListener("change", () => ask({ do: "colour", by: way.value }));
  const colour = element("label", "", "Colours by ");
  colour.append(way);
  const tools = element("div", "tools", "", { role: "toolbar", "aria-label": "Turns" });
  tools.append(back, next, jump, fold, colour);
  const help = element("p", "help",
    "n next turn · p previous turn · o fold what was seen · Esc returns to the notebook");

  function draw(latest) {
    view = latest;
    regrow(head, view.head);
    regrow(body, view.body);
    if (view.turn > 1) toHere(body);
    else body.scrollTop = 0; // what explains the colours stands above the first turn
    back.disabled = view.turn <= 1;
    next.disabled = view.turn >= view.turns;
    number.value = view.turns && view.turn;
    number.max = view.turns;
    total.textContent = ` of ${view.turns}`;
    fold.setAttribute("aria-pressed", view.folded);
    colour.hidden = view.ways.length < 2;
    way.replaceChildren(...view.ways.map((name) => element("option", "", name)));
    way.value = view.way;
    tools.hidden = help.hidden = !view.turns;
    if (document.activeElement?.disabled) body.focus({ preventScroll: true });
  }

  root.addEventListener("keydown", (event) => {
    if (event.target === way || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n" && view.turn < view.turns) go(view.turn + 1);
    else if (event.key === "p" && view.turn > 1) go(view.turn - 1);
    else if (event.key === "o") ask({ do: "fold" });
    else return;
    event.preventDefault();
  });

  start(head, tools, body, help);
  return stop;
}

export default { render };
