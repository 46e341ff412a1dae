import { useEffect } from 'preact/hooks'
import { labelSets } from '../../api/labels.js'
import { restorePlace } from '../../app/navigation.js'
import { Failure } from '../../components/states/Failure.js'
import { useResource } from '../../state/resource.js'
import { Histogram } from './Histogram.js'
import { nameOf, originText, samplesPath } from './label-texts.js'
import { NoLabels } from './NoLabels.js'

/** All label sets with their histograms. */
export function LabelSets() {
  const { value: sets, error, retry } = useResource('labels of all sets', labelSets)
  useEffect(() => {
    document.title = 'Labels – unsplash-clip'
  }, [])
  useEffect(() => {
    if (sets) restorePlace()
  }, [sets])
  if (error !== undefined) return <Failure error={error} retry={retry} />
  if (sets?.length === 0) return <NoLabels />
  return (
    <div class="labels">
      <h1 class="labels-title">Labels</h1>
      <p class="labels-text">
        The model gives each photo one label of every set: by its words alone, by photos that it was taught with, or as
        one of a group of similar photos. Look at samples to see how right it is.
      </p>
      <div class={`labels-sets ${sets ? '' : 'is-loading'}`} aria-busy={!sets}>
        {sets?.map(({ label_set, label_set: { name }, histogram }) => (
          <section key={name} class="labels-set" aria-labelledby={`set-${name}`}>
            <h2 id={`set-${name}`}>{nameOf(name)}</h2>
            <p class="hint">{originText(label_set)}</p>
            <Histogram set={name} histogram={histogram} />
            <a class="button" href={samplesPath(name)}>
              Look at samples<span class="visually-hidden"> of {nameOf(name)}</span>
            </a>
          </section>
        ))}
      </div>
    </div>
  )
}
