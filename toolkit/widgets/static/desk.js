// The panel beside a repair, as Python drew it: its controls send what they carry.
function deskPanel(ask) {
  const box = element("div", "desk");
  box.tabIndex = -1;
  let drawn = "";
  let anchor = 0; // the line that was clicked before, for a click with Shift

  const place = (name) => box.querySelector(`input.${name}`);

  function form(kind, first, last) {
    ask({ do: "form", form: kind, first, last });
  }

  box.addEventListener("click", (event) => {
    const made = event.target.closest("button");
    if (!made) return;
    const { ask: request, line, form: kind } = made.dataset;
    if (request) ask(JSON.parse(request));
    else if (kind) {
      const first = place("from").valueAsNumber || 1;
      const last = place("to").valueAsNumber || first;
      form(kind, kind === "insert" ? last : first, last);
    } else if (line) {
      const here = Number(line);
      if (!event.shiftKey || !anchor) anchor = here;
      place("from").value = Math.min(anchor, here);
      place("to").value = Math.max(anchor, here);
      form("replace", Math.min(anchor, here), Math.max(anchor, here));
    }
  });

  return {
    box,
    draw(trees) {
      const next = JSON.stringify(trees);
      if (next === drawn) return; // so that what is scrolled stays
      const { ask: held } = document.activeElement?.dataset ?? {};
      const within = box.contains(document.activeElement);
      const scrolled = box.querySelector(".paths")?.scrollTop ?? 0;
      drawn = next;
      anchor = 0;
      regrow(box, trees);
      const paths = box.querySelector(".paths");
      if (paths) paths.scrollTop = scrolled;
      if (within && held) {
        const same = [...box.querySelectorAll("[data-ask]")]
          .find((each) => each.dataset.ask === held);
        same?.focus({ preventScroll: true });
      }
    },
  };
}

// Puts an edit into the box for actions, so that Ctrl+Z takes it back.
function fill(input, { text, from, to }) {
  input.scrollIntoView({ block: "nearest" });
  input.focus({ preventScroll: true });
  input.select();
  if (!document.execCommand("insertText", false, text)) input.value = text;
  input.setSelectionRange(from, to);
}
