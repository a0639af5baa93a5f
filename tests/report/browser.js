// Appended to the page of a report by `tests/report.rs`: operates it as a person would, and writes the outcome into the body.
"use strict";
(() => {
  const faults = [...window.faults];
  const expect = (holds, what) => { if (!holds) faults.push(what); };
  const click = (element) => element.dispatchEvent(new MouseEvent("click", { bubbles: true }));

  const table = document.querySelector("table.sortable");
  const mean = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith("mean"));
  const column = () => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[mean].textContent));
  const button = table.tHead.rows[0].cells[mean].querySelector("button");
  const sorted = (values) => [...values].sort((a, b) => a - b);
  expect(column().length > 1, "the table has rows to sort");
  click(button);
  expect(column().join() === sorted(column()).join(), `sorted upwards: ${column()}`);
  const upwards = column().join();
  click(button);
  expect(column().join() === sorted(column()).reverse().join(), `sorted downwards: ${column()}`);
  expect(column().join() !== upwards, "the two orders differ");

  const tool = document.querySelector(".cases");
  const [slider, picture] = [tool.querySelector("input[type=range]"), tool.querySelector("svg")];
  const seen = new Set();
  for (let slice = 0; slice <= Number(slider.max); slice++) {
    slider.value = slice;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    seen.add(picture.innerHTML);
  }
  expect(Number(slider.max) > 2, "there are slices to step through");
  expect(seen.size === Number(slider.max) + 1, `${seen.size} different pictures of ${Number(slider.max) + 1} slices`);
  expect(picture.querySelectorAll("path.reference").length === 2, "the reference of both classes is outlined");
  const prediction = tool.querySelector("[name=prediction]");
  click(prediction);
  expect(picture.querySelectorAll("path.prediction").length === 0, "the prediction can be hidden");
  const chosen = tool.querySelector("select");
  expect(chosen.options.length === 5, "best, median and three worst cases");
  const before = picture.innerHTML;
  chosen.value = "2";
  chosen.dispatchEvent(new Event("change", { bubbles: true }));
  expect(picture.innerHTML !== before, "another case is another picture");

  const curves = document.querySelector(".curves");
  const drawing = curves.querySelector("svg");
  const box = drawing.getBoundingClientRect();
  drawing.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + box.width, clientY: box.top + 20 }));
  expect(/epoch \d+ .*training loss \(smoothed\) -?\d/.test(curves.querySelector(".values").textContent), "values are shown at an epoch");
  for (const option of curves.querySelector("select").options) {
    curves.querySelector("select").value = option.value;
    curves.querySelector("select").dispatchEvent(new Event("change"));
    expect(!/epoch \d/.test(curves.querySelector(".values").textContent), `no stale values of another curve beside ${option.value}`);
    expect(drawing.querySelectorAll("polyline").length > 0, `curves of ${option.value}`);
    expect(!/NaN|Infinity/.test(drawing.innerHTML), `numbers of ${option.value}`);
  }
  expect(document.documentElement.scrollWidth <= window.innerWidth, "the page is no wider than its window");
  expect(performance.getEntriesByType("resource").every((entry) => entry.name.startsWith("data:")), "nothing is loaded");

  const outcome = document.createElement("pre");
  outcome.id = "outcome";
  outcome.textContent = faults.length === 0 ? "no faults" : faults.join("\n");
  document.body.appendChild(outcome);
})();
