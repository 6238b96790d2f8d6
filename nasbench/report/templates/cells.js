// The incumbents of a run, one after the other.
"use strict";
(() => {
  const { parts } = JSON.parse(document.getElementById("charts").textContent);
  for (const [id, { cells }] of Object.entries(parts)) {
    const section = document.getElementById(`${id}-cells`);
    const [strategy, step, back, on, text, drawing] = ["strategy", "step", "back", "on", "text", "drawing"]
      .map((name) => section.querySelector(`[data-cells="${name}"]`));
    if (!strategy) continue;
    const show = () => {
      const run = cells.runs[strategy.value], place = Number(step.value) - 1, there = run.steps[place];
      step.max = Math.max(run.steps.length, 1);
      [step, back, on].forEach((each) => { each.disabled = run.steps.length < 2; });
      back.disabled ||= place <= 0;
      on.disabled ||= place >= run.steps.length - 1;
      const name = document.createElement("strong");
      name.textContent = strategy.value;
      if (!there) {
        text.replaceChildren(name, `, seed ${run.seed}: never found a valid architecture.`);
        drawing.replaceChildren();
        return;
      }
      const left = run.of > run.steps.length ? ` (of ${run.of} incumbents)` : "";
      const said = `step ${place + 1} of ${run.steps.length}${left}: found after ${there.spent}, seen ${there.value}, ` +
        `judged ${there.report}${cells.regret ? `, regret ${there.regret}` : ""}`;
      step.setAttribute("aria-valuetext", said);
      text.replaceChildren(name, `, seed ${run.seed}, ${said}`);
      drawing.innerHTML = cells.svgs[there.drawing];
    };
    const go = (place) => { step.value = place; show(); };
    const last = () => { step.max = Math.max(cells.runs[strategy.value].steps.length, 1); go(step.max); };
    strategy.addEventListener("change", last);
    step.addEventListener("input", show);
    back.addEventListener("click", () => go(Number(step.value) - 1));
    on.addEventListener("click", () => go(Number(step.value) + 1));
    last();
  }
})();
