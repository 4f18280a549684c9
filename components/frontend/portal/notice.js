// In the portal's page, in place of a lab that cannot be shown: why.
((element, text) => {
  const note = document.createElement("p")
  note.setAttribute("role", "alert")
  note.style.cssText = "margin: 0; padding: .75rem 1rem; border: 1px solid currentColor; border-radius: 8px"
  note.textContent = text
  document.getElementById(element)?.after(note)
})
