// Each button copies what stands beside it, and says so.
const status = document.querySelector("[role=status]")

async function copy(source) {
  try {
    await navigator.clipboard.writeText(source.textContent)
    return true
  } catch {
    // Without HTTPS there is no such clipboard; a selection can still be copied.
    window.getSelection().selectAllChildren(source)
    return document.execCommand("copy")
  }
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  const label = button.textContent
  button.addEventListener("click", async () => {
    const copied = await copy(document.getElementById(button.dataset.copies))
    status.textContent = copied ? `${button.getAttribute("aria-label")}: copied` : "Not copied: select the text and copy it yourself."
    button.textContent = copied ? "Copied" : label
    window.setTimeout(() => { button.textContent = label }, 2000)
  })
}
