// The Ledger tab: what was decided, and how to take it along.
import {component, h, button} from "./dom.js";

export function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], {type}))
  const link = h("a", {href: url, download: name})
  link.click()
  URL.revokeObjectURL(url)
}

const bytes = (count) => `${count.toLocaleString("en")} bytes`

// Radio groups that stay in the page while answers arrive: rebuilding them would drop the keyboard's focus.
function questionList(model) {
  const element = h("div")
  let inputs = {}
  let built = ""
  const build = () => {
    inputs = {}
    element.replaceChildren(...model.questions.map((question) => {
      inputs[question.id] = question.options.map((option) => h("input", {
        type: "radio", name: question.id, value: option.id,
        onchange: () => model.send_msg({type: "decide", name: question.id, value: option.id}),
      }))
      return h("fieldset", {class: "segments-field"}, h("legend", {}, question.text),
        h("div", {class: "segments"}, question.options.map((option, i) =>
          h("label", {class: "segment"}, inputs[question.id][i], h("span", {}, option.label)))))
    }))
  }
  const show = () => {
    const wanted = JSON.stringify(model.questions.map(({id, text, options}) => [id, text, options]))
    if (wanted !== built) build()
    built = wanted
    for (const question of model.questions) {
      for (const input of inputs[question.id]) input.checked = input.value === question.chosen
    }
  }
  show()
  return {element, show}
}

export const LedgerPanel = component(["segments", "ledger"], ({model}) => {
  const note = h("div", {role: "status", class: "status"})
  const questions = questionList(model)
  const rows = h("tbody")
  const table = h("div", {class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Design"}, h("table", {},
    h("thead", {}, h("tr", {},
      h("th", {scope: "col"}, "Field"), h("th", {scope: "col", class: "num"}, "Value"), h("th", {scope: "col"}, "Unit"))),
    rows))
  const save = h("button", {type: "button", class: "primary", onclick: () => model.send_msg({type: "save"})}, "Save to ledger")
  const hint = h("span", {class: "hint"})
  const grading = h("p", {class: "grading"})
  const file = h("input", {type: "file", accept: model.formats.map((format) => `.${format}`).join(), class: "visually-hidden", tabindex: "-1", "aria-label": "Ledger file to import"})
  file.addEventListener("change", async () => {
    const chosen = file.files[0]
    // The server would end the connection over a message that is far too large.
    if (chosen && model.most_bytes && chosen.size > model.most_bytes) {
      tell("danger", `The file has ${bytes(chosen.size)}; a ledger has at most ${bytes(model.most_bytes)}. Nothing was imported.`)
    } else if (chosen) model.send_msg({type: "import", name: chosen.name, text: await chosen.text()})
    file.value = ""
  })
  const tell = (kind, text) => {
    note.className = `status ${kind}`
    note.textContent = text
  }
  const say = () => tell(model.notice_kind, model.notice)
  const show = () => {
    rows.replaceChildren(...model.rows.map((row) => h("tr", {},
      h("th", {scope: "row"}, row[0], " ", h("code", {}, row[3])), h("td", {class: "num"}, row[1]), h("td", {}, row[2]))))
    table.hidden = model.rows.length === 0
    save.disabled = !model.can_save
    hint.textContent = model.save_hint
    grading.textContent = model.grading
    grading.hidden = !model.grading
  }
  show()
  say()
  model.on("msg:custom", (data) => {
    if (data.type === "download") download(data.name, data.text, data.mime)
  })
  return {
    element: h("section", {class: "ledger"},
      h("div", {class: "panel"},
        h("h2", {}, "Your design, as it will be recorded"), questions.element, table, grading, h("div", {class: "actions"}, save, hint)),
      note,
      h("div", {class: "panel"},
        h("h2", {}, "Take it along"),
        h("p", {}, `The file holds every lab you have saved ${model.place}. Importing merges it: of two entries for one lab the newer stays.`),
        h("div", {class: "actions"},
          model.formats.map((format) => button(model, `Export ${format.toUpperCase()}`, {type: "export", format})),
          h("button", {type: "button", onclick: () => file.click()}, "Import file…"), file)),
      h("div", {class: "panel"},
        h("h2", {}, "Begin again"),
        h("p", {}, "Starting over clears this lab and counts a new attempt; erasing your work clears every lab. Your first predictions stay on record."),
        h("div", {class: "actions"},
          confirmed("Start this lab over", "Really start over?", () => model.send_msg({type: "start_over"})),
          confirmed("Erase my work in every lab", "Really erase every lab?", () => model.send_msg({type: "erase_all"})))),
      model.forget ? h("div", {class: "panel"},
        h("h2", {}, "Be forgotten"),
        h("p", {}, "The server holds your answers, a log of what you did in the labs, and the name that a sign-in gave, if you have one. Erasing removes all of it, the record of your first predictions included, and signs this browser out. It cannot be undone: export first what you want to keep."),
        h("div", {class: "actions"},
          confirmed("Erase everything the server holds of me", "Really erase everything?", () => post(model.forget)))) : null),
    update: {rows: show, questions: questions.show, can_save: show, save_hint: show, notice: say, notice_kind: say},
  }
})

// Goes to an address that changes something: never by a link, which any page could have made.
function post(address) {
  const form = h("form", {method: "post", action: address, hidden: true})
  document.body.append(form)
  form.submit()
}

// Two clicks for what cannot be undone; the second offer lapses.
function confirmed(label, question, act) {
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
      act()
      return
    }
    armed = true
    element.textContent = question
    element.classList.add("armed")
    window.setTimeout(disarm, 5000)
  })
  return element
}
