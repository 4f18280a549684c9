// The Ledger tab: what was decided, and how to take it along.
import {component, h, button} from "./dom.js";

function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], {type}))
  const link = h("a", {href: url, download: name})
  link.click()
  URL.revokeObjectURL(url)
}

export const LedgerPanel = component(["segments", "ledger"], ({model}) => {
  const element = h("section", {class: "ledger"})
  const note = h("div", {role: "status", class: "status"})
  const say = () => {
    note.className = `status ${model.notice_kind}`
    note.textContent = model.notice
  }
  const show = () => {
    const file = h("input", {type: "file", accept: ".json,.csv,application/json,text/csv", class: "visually-hidden", tabindex: "-1", "aria-label": "Ledger file to import"})
    file.addEventListener("change", async () => {
      const chosen = file.files[0]
      if (chosen) model.send_msg({type: "import", name: chosen.name, text: await chosen.text()})
      file.value = ""
    })
    const decision = model.question && h("fieldset", {class: "segments-field"},
      h("legend", {}, model.question.text),
      h("div", {class: "segments"}, model.question.options.map((option) => h("label", {class: "segment"},
        h("input", {
          type: "radio", name: "decision", value: option.id, checked: option.id === model.question.chosen,
          onchange: () => model.send_msg({type: "decide", value: option.id}),
        }), h("span", {}, option.label)))))
    element.replaceChildren(
      h("div", {class: "panel"},
        h("h2", {}, "Your design, as it will be recorded"),
        decision,
        h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Design"}, h("table", {},
          h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "field"), h("th", {scope: "col"}, "value"), h("th", {scope: "col"}, "unit"))),
          h("tbody", {}, model.rows.map((row) => h("tr", {},
            h("th", {scope: "row"}, row[0]), h("td", {class: "num"}, row[1]), h("td", {}, row[2])))))),
        h("div", {class: "actions"},
          h("button", {type: "button", class: "primary", disabled: !model.can_save, onclick: () => model.send_msg({type: "save"})}, "Save to ledger"),
          h("span", {class: "hint"}, model.save_hint))),
      note,
      h("div", {class: "panel"},
        h("h2", {}, "Take it along"),
        h("p", {}, "The file holds every lab you have saved on this server. Importing merges it: of two entries for one lab the newer stays."),
        h("div", {class: "actions"},
          button(model, "Export JSON", {type: "export", format: "json"}),
          button(model, "Export CSV", {type: "export", format: "csv"}),
          h("button", {type: "button", onclick: () => file.click()}, "Import file…"), file)),
      h("div", {class: "panel"},
        h("h2", {}, "Begin again"),
        h("p", {}, "Starting over clears this lab and counts a new attempt. Your first prediction stays on record."),
        h("div", {class: "actions"},
          confirmed(model, "Start this lab over", "Really start over?", {type: "start_over"}),
          confirmed(model, "Erase my whole ledger", "Really erase every lab?", {type: "erase_all"}))))
    say()
  }
  show()
  model.on("msg:custom", (data) => {
    if (data.type === "download") download(data.name, data.text, data.mime)
  })
  return {
    element,
    update: {rows: show, question: show, can_save: show, save_hint: show, notice: say, notice_kind: say},
  }
})

// Two clicks for what cannot be undone; the second offer lapses.
function confirmed(model, label, question, message) {
  let armed = false
  const element = h("button", {type: "button"}, label)
  const disarm = () => {
    armed = false
    element.textContent = label
    element.classList.remove("armed")
  }
  element.addEventListener("click", () => {
    if (armed) {
      disarm()
      model.send_msg(message)
      return
    }
    armed = true
    element.textContent = question
    element.classList.add("armed")
    window.setTimeout(disarm, 5000)
  })
  return element
}
