// Shows the comparison that Python sends, and reports where the reader wants to go.
function render({ model, el }) {
  let view = model.get("view");
  let shown = ""; // the stepper below
  const { root, ask, start, stop } =
    frame(model, el, "compare", "Compare episodes", draw);

  const head = element("header");
  const body = element("div", "body", "", { role: "log", "aria-live": "off" });
  body.tabIndex = 0;

  const back = button("Previous difference", "p", () => ask({ do: "previous" }));
  const next = button("Next difference", "n", () => ask({ do: "next" }));
  const number = element("span", "number");
  const earlier = button("Earlier rows", "Show what comes before",
    () => ask({ do: "row", row: view.earlier - 1 }));
  const later = button("Later rows", "Show what comes after",
    () => ask({ do: "row", row: view.rows - view.later }));
  const fold = button("Unfold what is the same", "u", unfold);
  const doors = element("span", "doors");
  const tools = element("div", "tools", "",
    { role: "toolbar", "aria-label": "Differences" });
  tools.append(back, next, number, earlier, later, fold, doors);
  const offers = element("div", "offers", "",
    { role: "group", "aria-label": "Games that can be compared" });
  const help = element("p", "help", "n next difference · p previous difference · " +
    "u unfold what is the same · Esc returns to the notebook");
  const below = element("div", "below");

  function folds() {
    return [...body.querySelectorAll("details.same")];
  }

  function unfold() {
    const open = folds().some((each) => !each.open);
    for (const each of folds()) each.open = open;
    label();
    toHere(body);
  }

  function label() {
    const closed = folds().some((each) => !each.open);
    fold.textContent = closed ? "Unfold what is the same" : "Fold what is the same";
    fold.hidden = !folds().length;
  }

  // The game to play on is a widget of its own; where the page cannot show one widget
  // in another, the line that shows it is.
  async function showStepper(id) {
    if (shown === id) return;
    shown = id;
    below.replaceChildren();
    if (!id) return;
    const close = button("Close the game", "Back to the comparison alone",
      () => ask({ do: "close" }));
    below.append(close);
    try {
      const child = await model.widget_manager.get_model(id);
      const made = await model.widget_manager.create_view(child);
      if (shown !== id) return;
      below.append(made.el);
      requestAnimationFrame(() => below.scrollIntoView({ block: "nearest" }));
    } catch {
      below.append(element("p", "", "Show the game in a cell of its own: "),
        element("code", "", view.code));
    }
  }

  function drawDoors() {
    doors.replaceChildren(...view.doors.map(({ which, label: name }) =>
      button(name, "Play this game by hand from here",
        () => ask({ do: "step", which }))));
  }

  function drawOffers() {
    offers.replaceChildren(...view.offers.map(({ game, label: name }) =>
      button(name, "Compare these", () => ask({ do: "game", game }))));
    offers.hidden = !view.offers.length;
  }

  function draw(latest) {
    const held = root.contains(document.activeElement);
    view = latest;
    regrow(head, view.head);
    regrow(body, view.body);
    drawDoors();
    drawOffers();
    label();
    back.disabled = view.difference <= 1;
    next.disabled = view.difference >= view.differences;
    number.textContent = view.differences
      ? `difference ${view.difference} of ${view.differences}` : "no difference";
    earlier.hidden = !view.earlier;
    later.hidden = !view.later;
    tools.hidden = help.hidden = !view.rows;
    toHere(body);
    if (held && (!root.contains(document.activeElement) || document.activeElement.disabled)) {
      body.focus({ preventScroll: true });
    }
    showStepper(view.stepper);
  }

  root.addEventListener("keydown", (event) => {
    if (below.contains(event.target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "n" && !next.disabled) ask({ do: "next" });
    else if (event.key === "p" && !back.disabled) ask({ do: "previous" });
    else if (event.key === "u") unfold();
    else return;
    event.preventDefault();
  });

  body.addEventListener("toggle", label, true);
  start(head, tools, body, offers, help, below);
  return stop;
}

export default { render };
