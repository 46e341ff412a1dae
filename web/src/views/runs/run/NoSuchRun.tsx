import { Missing } from '../../../components/states/Missing.js'

/** For an id that no run has. */
export function NoSuchRun({ id }: { id: string }) {
  return (
    <Missing
      title="There is no such run"
      text={`No run has the id ${id}. Its model was retired with its runs, or the link is incomplete.`}
    >
      <a class="button is-primary" href="/runs">
        See all runs
      </a>
    </Missing>
  )
}
