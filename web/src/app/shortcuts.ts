/** `/` moves to the search bar, from everywhere but another field. @returns what ends it */
export function listenForShortcuts(): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== '/' || event.metaKey || event.ctrlKey || event.altKey || isField(event.target)) return
    const field = document.getElementById('search-words') as HTMLInputElement | null
    if (!field) return
    event.preventDefault()
    field.focus()
    field.select()
  }
  document.addEventListener('keydown', onKey)
  return () => document.removeEventListener('keydown', onKey)
}

export function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
