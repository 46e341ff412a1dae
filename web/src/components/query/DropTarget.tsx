import { useEffect, useState } from 'preact/hooks'
import { isField } from '../../app/shortcuts.js'
import { Icon } from '../parts/Icon.js'
import { pictureIn, searchByPicture } from './picture-query.js'

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false

/** Takes pictures that are dropped anywhere on the page, or pasted outside of a field. */
export function DropTarget() {
  const [isOver, setOver] = useState(false)
  const [problem, setProblem] = useState('')
  useEffect(() => {
    const take = (file: File | null) => {
      if (!file) return
      setProblem('')
      searchByPicture(file).catch(error => setProblem((error as Error).message))
    }
    const listeners = {
      dragover: (event: DragEvent) => {
        if (!hasFiles(event)) return
        event.preventDefault()
        setOver(true)
      },
      dragleave: (event: DragEvent) => event.relatedTarget === null && setOver(false),
      drop: (event: DragEvent) => {
        setOver(false)
        if (!hasFiles(event)) return
        event.preventDefault()
        const file = pictureIn(event.dataTransfer)
        if (file) take(file)
        else setProblem(`Expected a picture, found ${event.dataTransfer?.files[0]?.name ?? 'none'}.`)
      },
      paste: (event: ClipboardEvent) => {
        const file = pictureIn(event.clipboardData)
        if (!file || isField(event.target)) return
        event.preventDefault()
        take(file)
      },
    }
    const entries = Object.entries(listeners) as [string, EventListener][]
    for (const [name, listener] of entries) document.addEventListener(name, listener)
    return () => {
      for (const [name, listener] of entries) document.removeEventListener(name, listener)
    }
  }, [])
  if (problem)
    return (
      <p class="toast" role="alert">
        <span>{problem}</span>
        <button type="button" class="icon-button" aria-label="Close" onClick={() => setProblem('')}>
          <Icon name="close" />
        </button>
      </p>
    )
  if (!isOver) return null
  return (
    <div class="drop-cover">
      <Icon name="picture" />
      <p>Drop the picture to search by it</p>
    </div>
  )
}
