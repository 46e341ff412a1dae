import { useEffect, useRef } from 'preact/hooks'
import type { Order } from '../../api/label-order.js'
import { labelSamples } from '../../api/labels.js'
import { place, restorePlace } from '../../app/navigation.js'
import type { ViewProps } from '../../app/paths.js'
import { Failure } from '../../components/states/Failure.js'
import { isMissing } from '../../components/states/Missing.js'
import { may } from '../../state/caller.js'
import { useResource } from '../../state/resource.js'
import { LabelSection } from './LabelSection.js'
import { nameOf, readSamplesPath } from './label-texts.js'
import { NoSuchLabels } from './NoSuchLabels.js'
import { ReviewTools } from './ReviewTools.js'
import { Review } from './review.js'

const SHOWN: Record<Order, string> = {
  random: 'Random photos of each label. ',
  doubtful: 'Photos of the lowest scores that nobody has marked. They do not count for the measured precision. ',
  typical: 'Photos of the highest scores. They do not count for the measured precision. ',
}

/** Samples of each label of a set. A person says which labels are right. */
export function LabelReview({ parameters: { set = '' } }: ViewProps) {
  const { order, round } = readSamplesPath(place.value.parameters)
  const found = useResource(
    `labels ${set} ${order} ${round}`,
    async () => new Review(await labelSamples(set, order, round), order),
  )
  // The former samples stay until the next ones are there, so nothing jumps.
  const last = useRef(found.value)
  last.current = found.value ?? (last.current?.samples.label_set.name === set ? last.current : undefined)
  const review = last.current
  const mayMark = may('ingest')
  useEffect(() => {
    document.title = `Labels: ${nameOf(set)} – unsplash-clip`
  }, [set])
  useEffect(() => {
    if (review) restorePlace()
  }, [review])
  if (isMissing(found.error)) return <NoSuchLabels set={set} />
  if (found.error !== undefined) return <Failure error={found.error} retry={found.retry} />
  const equal = review?.samples.equal ?? []
  return (
    <div class="labels">
      <div class="labels-head">
        <h1 class="labels-title">{nameOf(set)}</h1>
        <ReviewTools set={set} order={order} round={round} />
      </div>
      <p class="labels-text">
        {SHOWN[order]}
        {mayMark && 'Mark what is right or wrong: click, or press r or w on a photo.'}
      </p>
      {equal.length > 0 && <p class="problem">The model cannot tell these labels apart: {equal.join(', ')}.</p>}
      {review?.problem.value && (
        <p class="problem" role="alert">
          {review.problem.value}
        </p>
      )}
      <div class={review ? '' : 'labels-pending'} aria-busy={found.isLoading}>
        {review?.labels.value.map(label => (
          <LabelSection key={label.label} set={set} review={review} label={label} mayMark={mayMark} />
        ))}
      </div>
    </div>
  )
}
