// Draws the view that Python sends, and reports what the player types.

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text; // never HTML: a world may write anything
  return made;
}

function button(label, title) {
  const made = element("button", "", label);
  made.type = "button";
  made.title = title;
  return made;
}

function drawRow({ command, answer, reward, valid }) {
  const row = element("div", valid ? "turn" : "turn refused");
  const said = element("p", "command");
  said.append(element("kbd", "", command));
  if (!valid) said.append(element("span", "mark", "did nothing"));
  if (reward) said.append(element("strong", "reward", reward));
  row.append(said, element("p", "world", answer));
  return row;
}

function render({ model, el }) {
  const root = element("section", "toolkit-play");
  root.setAttribute("aria-label", "Play the game by typing");
  // JupyterLab would otherwise take letters for its own shortcuts
  root.dataset.lmSuppressShortcuts = "true";

  const log = element("div", "log");
  log.setAttribute("role", "log");
  log.tabIndex = 0;
  const form = element("form", "bar");
  const input = element("input", "");
  Object.assign(input, { type: "text", placeholder: "go north", maxLength: 150 });
  Object.assign(input, { autocomplete: "off", spellcheck: false });
  input.setAttribute("aria-label", "Your command");
  input.setAttribute("autocapitalize", "off");
  const play = button("Play", "Play this command (Enter)");
  play.type = "submit";
  const undo = button("Undo", "Take the last command back");
  const restart = button("Restart", "Begin the same game again");
  form.append(input, play, undo, restart);
  const status = element("p", "status");
  status.setAttribute("role", "status");
  const help = element("p", "help");
  help.textContent = "Enter plays, ↑ recalls, Esc returns to the notebook";
  const foot = element("div", "foot");
  foot.append(status, help);
  root.append(log, form, foot);
  el.append(root);

  let recalled = 0; // how many commands back the arrow keys have gone
  let patience;

  function ask(request) {
    const id = (model.get("request").id ?? 0) + 1;
    model.set("request", { id, ...request });
    model.save_changes();
    clearTimeout(patience);
    patience = setTimeout(() => {
      status.textContent = "Waiting: the kernel is busy with a cell.";
    }, 1000);
  }

  function recall(step) {
    const typed = model.get("view").log.map((row) => row.command);
    recalled = Math.min(Math.max(recalled + step, 0), typed.length);
    input.value = recalled ? typed[typed.length - recalled] : "";
  }

  function draw() {
    clearTimeout(patience);
    const view = model.get("view");
    const rows = view.log.map(drawRow);
    if (view.left_out) {
      rows.unshift(element("p", "help", `${view.left_out} earlier turns not shown`));
    }
    log.replaceChildren(element("p", "world", view.first), ...rows);
    if (view.problem) log.append(element("p", "problem", view.problem));
    log.scrollTop = log.scrollHeight;
    status.textContent = view.status;
    root.dataset.over = view.over;
    const typing = root.contains(document.activeElement);
    input.disabled = play.disabled = Boolean(view.over);
    undo.disabled = restart.disabled = view.log.length === 0;
    if (typing) (view.over ? restart : input).focus({ preventScroll: true });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    recalled = 0;
    ask({ do: "type", text });
  });
  undo.addEventListener("click", () => ask({ do: "undo" }));
  restart.addEventListener("click", () => ask({ do: "restart" }));
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      document.activeElement.blur();
      root.closest(".jp-Notebook")?.focus();
    } else if (event.key === "Enter" && event.target === input) {
      event.preventDefault(); // with Shift or Ctrl as well
      form.requestSubmit();
    } else if (event.key === "ArrowUp" && event.target === input) {
      event.preventDefault();
      recall(1);
    } else if (event.key === "ArrowDown" && event.target === input) {
      event.preventDefault();
      recall(-1);
    }
  });

  model.on("change:view", draw);
  draw();
  return () => {
    clearTimeout(patience);
    model.off("change:view", draw);
  };
}

export default { render };
