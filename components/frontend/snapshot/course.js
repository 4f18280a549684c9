// The index page of a folder of snapshots, with the reader's progress from the browser's own storage.
import {mount} from "./host.js";
import {Shelf} from "./shelf.js";

function progressOf(shelf, key) {
  const entry = shelf.entry(key)
  if (entry) {
    const verdict = {true: " · prediction right", false: " · prediction wrong"}[entry.design.act1_correct] ?? ""
    return {progress: "saved", progress_text: `✓ Saved${verdict}`}
  }
  const state = shelf.progress(key)?.state
  if (state === undefined || state === "briefing") return {progress: "new", progress_text: "Not started"}
  return {progress: "started", progress_text: `In progress · ${String(state).startsWith("act2") ? "Act II" : "Act I"}`}
}

export function showCourse() {
  const {index, keys} = JSON.parse(document.getElementById("course").textContent)
  const shelf = new Shelf(keys)
  const labs = index.volumes.flatMap((volume) => volume.labs)
  const saved = labs.filter((lab) => shelf.entry(lab.key)).length
  const course = mount("CourseIndex", {
    ...index, notice: shelf.problem, summary: saved > 0 ? `${saved} of ${labs.length} labs saved to your ledger.` : index.summary,
    volumes: index.volumes.map((volume) => ({
      ...volume, labs: volume.labs.map((lab) => ({...lab, ...progressOf(shelf, lab.key)})),
    })),
  })
  document.querySelector("main").replaceChildren(course.element)
}
