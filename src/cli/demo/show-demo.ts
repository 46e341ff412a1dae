import type { DemoDataset } from '../../demo/demo-dataset.js'
import { modelKey } from '../../domain/model.js'
import type { PhotoSearch } from '../../search/photo-search.js'
import type { Context } from '../context.js'
import { sampleCards } from '../labels/show-labels.js'
import { openSearchWithModel } from '../open-search.js'
import { hitCard, hitLine } from '../print/hit-lines.js'
import { bars } from '../print/output.js'
import { type PhotoSection, renderPhotoPage } from '../print/photo-page.js'

const SCENE_SEARCHES = ['a red house in the snow', 'a boat at night', 'a cat in a room']
export const PHOTO_SEARCHES = ['dog in the snow', 'a city at night', 'a cup of coffee on a table']
const HITS = 10
const SAMPLE = 4

/** Prints histograms and searches, and gives the page that shows them with the pictures. */
export async function showDemo(context: Context, scenes: DemoDataset | null): Promise<string> {
  const { app, out, signal } = context
  const { search, model } = await openSearchWithModel(context)
  const store = await app.store()
  const sections: PhotoSection[] = []
  out.text('\nLabels, predicted zero-shot')
  for (const set of await search.labelSets(model)) {
    const { counts, sample } = await search.labels(model, set.name, { size: SAMPLE, seed: 0 })
    const right = scenes ? await shareRight(search, set.name, scenes) : null
    const note =
      right === null
        ? `Prompts: “${set.template}”.`
        : `Prompts: “${set.template}”. ${(100 * right).toFixed(1)} % agree with what was rendered.`
    const shown = counts.map(({ label, photos }) => ({ label, count: photos }))
    out.result({ label_set: set.name, counts: shown, agreement: right }, `\n${set.name}: ${note}\n${bars(shown)}`)
    const cards = await sampleCards(search, model, sample, store)
    sections.push({ heading: `Labels: ${set.name}`, note, bars: shown, cards })
  }
  out.text('\nSearch')
  const searches: PhotoSection[] = []
  for (const text of scenes ? SCENE_SEARCHES : PHOTO_SEARCHES) {
    const hits = await search.nearest(model, { words: text }, { k: HITS }, signal)
    out.result({ search: text, hits: hits.map(hit => ({ photo_id: hit.photoId, score: hit.score })) }, `\n“${text}”`)
    for (const [index, hit] of hits.slice(0, 3).entries()) out.text(hitLine(index + 1, hit))
    searches.push({ heading: `“${text}”`, cards: await Promise.all(hits.map(hit => hitCard(hit, store))) })
  }
  const what = scenes
    ? 'Rendered scenes, embedded and labelled by the demo model, which understands rendered scenes, not photographs.'
    : `Embedded and labelled by ${modelKey(model.identity)}.`
  return renderPhotoPage({
    title: 'unsplash-clip demo',
    intro: `${what} Scores are cosine similarities.`,
    sections: [...searches, ...sections],
  })
}

/** Share of the scenes whose predicted label is the rendered one; null for a label set the scenes know nothing of. */
async function shareRight(search: PhotoSearch, setName: string, { scenes }: DemoDataset): Promise<number | null> {
  const truth = setName === 'taken_time' ? 'time' : setName === 'taken_space' ? 'space' : null
  if (truth === null) return null
  let right = 0
  for (const [id, scene] of scenes) {
    const details = await search.photo(id)
    if (details.states[0]?.labels[setName]?.label === scene.truth[truth]) right++
  }
  return right / scenes.size
}
