import { photosOf } from '../../api/duplicates.js'
import type { DuplicateGroup as Group } from '../../api/schema.js'
import { Failure } from '../../components/states/Failure.js'
import { useResource } from '../../state/resource.js'
import { DuplicateGroup } from './DuplicateGroup.js'
import { leftOf } from './duplicate-texts.js'
import type { Removal } from './RemovalDialog.js'

interface Props {
  groups: readonly Group[]
  removed: ReadonlySet<string>
  least: number
  /** Asks whether photos should be removed; null: that is not permitted. */
  ask: ((removal: Removal) => void) | null
}

/** Some groups, with what is known about their photos. */
export function DuplicateGroups({ groups, removed, least, ask }: Props) {
  const ids = groups.flatMap(({ members }) => members.map(({ photo_id }) => photo_id))
  const { value, error, retry } = useResource(`duplicate photos ${ids.join(' ')}`, () => photosOf(ids))
  if (error !== undefined) return <Failure error={error} retry={retry} />
  return (
    <>
      {groups
        .map(group => ({ key: group.representative_id, members: leftOf(group, removed) }))
        .filter(({ members }) => members.length > 1)
        .map(({ key, members }) => (
          <DuplicateGroup key={key} name={key} members={members} photos={value} least={least} ask={ask} />
        ))}
    </>
  )
}
