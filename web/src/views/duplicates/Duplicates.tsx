import { useEffect, useRef, useState } from 'preact/hooks'
import { duplicateGroups } from '../../api/duplicates.js'
import { place, restorePlace } from '../../app/navigation.js'
import { Failure } from '../../components/states/Failure.js'
import { may } from '../../state/caller.js'
import { announce } from '../../state/current.js'
import { useResource } from '../../state/resource.js'
import { DuplicateGroups } from './DuplicateGroups.js'
import { countOf, leftOf, readLeast } from './duplicate-texts.js'
import { LeastSimilarity } from './LeastSimilarity.js'
import { NoDuplicates } from './NoDuplicates.js'
import { type Removal, RemovalDialog } from './RemovalDialog.js'

/** Groups that are loaded at once. */
const PAGE = 10

/** Photos that look the same to the model, side by side. All but one of a group can be removed. */
export function Duplicates() {
  const least = readLeast(place.value.parameters)
  const { value, error, retry } = useResource(`duplicates ${least}`, () => duplicateGroups(least))
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set())
  const [removal, setRemoval] = useState<Removal | null>(null)
  const [pages, setPages] = useState(1)
  const body = useRef<HTMLDivElement>(null)
  const mayRemove = may('admin')
  useEffect(() => {
    document.title = 'Duplicates – unsplash-clip'
  }, [])
  useEffect(() => setPages(1), [least])
  const groups = value?.groups
  const gone = groups?.filter(group => leftOf(group, removed).length < 2).length ?? 0
  const count = (value?.found ?? 0) - gone
  useEffect(() => {
    if (!value) return
    restorePlace()
    announce(countOf(count, 'group'))
  }, [value])
  const onRemoved = (ids: readonly string[], heading: string) => {
    const headings = () => [...(body.current?.querySelectorAll<HTMLElement>('[data-focus]') ?? [])]
    const at = headings().findIndex(({ id }) => id === heading)
    setRemoved(new Set([...removed, ...ids]))
    announce(`${countOf(ids.length, 'photo')} removed.`)
    // The button that had the focus may be gone: on to its group, or to the one that took its place.
    requestAnimationFrame(() => (headings()[at] ?? headings().at(-1))?.focus())
  }
  if (error !== undefined) return <Failure error={error} retry={retry} />
  return (
    <div class="duplicates" ref={body}>
      <div class="labels-head">
        <h1 class="labels-title" tabIndex={-1} data-focus>
          {groups ? `${countOf(count, 'group')} of duplicates` : 'Duplicates'}
        </h1>
        <LeastSimilarity least={least} />
      </div>
      <p class="labels-text">
        Photos that look the same to the model. Those of a group resemble each other directly or through others.
        {mayRemove && ' Removing a photo takes it out of the collection; the original file is never deleted.'}
      </p>
      {!groups && (
        <div class="labels-pending" aria-busy="true">
          <p class="duplicates-wait">Comparing all photos …</p>
        </div>
      )}
      {groups && count === 0 && <NoDuplicates least={least} />}
      {groups &&
        Array.from({ length: Math.min(pages, Math.ceil(groups.length / PAGE)) }, (_, page) => (
          <DuplicateGroups
            key={page}
            groups={groups.slice(page * PAGE, (page + 1) * PAGE)}
            removed={removed}
            least={least}
            ask={mayRemove ? setRemoval : null}
          />
        ))}
      {groups && groups.length > pages * PAGE && (
        <button type="button" class="button" onClick={() => setPages(pages + 1)}>
          Show more groups
        </button>
      )}
      <RemovalDialog removal={removal} close={() => setRemoval(null)} onRemoved={onRemoved} />
    </div>
  )
}
