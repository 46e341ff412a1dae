import { computed, signal } from '@preact/signals'
import type { Order } from '../../api/label-order.js'
import { type LabelSamples, markLabels, type Precision, type SamplePhoto } from '../../api/labels.js'
import { announce } from '../../state/current.js'
import { forgetResources } from '../../state/resource.js'
import { precisionText } from './label-texts.js'

const keyOf = ({ label, photo_id }: SamplePhoto) => `${photo_id} ${label}`

/**
 * The samples of a label set while a person marks them. A mark is shown at once; when the server refuses it, the former one
 * comes back and `problem` says why. Marks are sent one after the other, so the last click counts.
 */
export class Review {
  readonly problem = signal('')
  readonly #marks = signal<ReadonlyMap<string, boolean>>(new Map())
  readonly #precisions = signal<ReadonlyMap<string, Precision>>(new Map())
  #sent: Promise<void> = Promise.resolve()

  constructor(
    readonly samples: LabelSamples,
    readonly order: Order,
  ) {
    this.#marks.value = new Map(
      samples.sample.flatMap(photo => (photo.mark === null ? [] : [[keyOf(photo), photo.mark] as const])),
    )
    this.#precisions.value = new Map(samples.histogram.map(({ label, precision }) => [label, precision]))
  }

  /** The labels in the order of the set, each with its photos. */
  readonly labels = computed(() =>
    this.samples.histogram.map(({ label, photos }) => ({
      label,
      photos,
      precision: this.#precisions.value.get(label) ?? null,
      sample: this.samples.sample.filter(photo => photo.label === label),
    })),
  )

  /** Whether the label of a photo was marked as right; null: it was not marked. */
  markOf(photo: SamplePhoto): boolean | null {
    return this.#marks.value.get(keyOf(photo)) ?? null
  }

  /** @param correct null: takes the marks back */
  mark(photos: readonly SamplePhoto[], correct: boolean | null): Promise<void> {
    const former = new Map(photos.map(photo => [photo, this.markOf(photo)]))
    for (const photo of photos) this.#show(photo, correct)
    this.problem.value = ''
    this.#sent = this.#sent.then(() => this.#send(photos, correct, former))
    return this.#sent
  }

  async #send(photos: readonly SamplePhoto[], correct: boolean | null, former: Map<SamplePhoto, boolean | null>) {
    try {
      const { name } = this.samples.label_set
      const precisions = await markLabels(name, photos, correct, this.order === 'random')
      this.#precisions.value = new Map(precisions.map(({ label, precision }) => [label, precision]))
      forgetResources('labels ')
      const [label = ''] = photos.map(photo => photo.label)
      const done = correct === null ? 'Not marked any more' : correct ? 'Marked as right' : 'Marked as wrong'
      announce(`${done}. ${label}: ${precisionText(this.#precisions.value.get(label) ?? null)}`)
    } catch (error) {
      for (const [photo, mark] of former) if (this.markOf(photo) === correct) this.#show(photo, mark)
      this.problem.value = (error as Error).message
    }
  }

  #show(photo: SamplePhoto, mark: boolean | null): void {
    const marks = new Map(this.#marks.value)
    if (mark === null) marks.delete(keyOf(photo))
    else marks.set(keyOf(photo), mark)
    this.#marks.value = marks
  }
}
