import { Missing } from '../../components/states/Missing.js'
import { nameOf } from './label-texts.js'

/** For a name that no label set has. */
export function NoSuchLabels({ set }: { set: string }) {
  return (
    <Missing
      title="There is no such label set"
      text={`No photo is labelled with the set “${nameOf(set)}”. It was removed, or the link is incomplete.`}
    >
      <a class="button is-primary" href="/labels">
        See all labels
      </a>
    </Missing>
  )
}
