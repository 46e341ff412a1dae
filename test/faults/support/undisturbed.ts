import { existsSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../../support/until.js'
import type { EndState } from './end-state.js'

/** As many as any pipeline of the faults has. */
const MOST_PHOTOS = 320
const MINUTE = 60_000

/**
 * What a pipeline leaves behind that nothing disturbs. The test files of a run ask for the same, so one of them computes it
 * for as many photos as any needs.
 * @param compute runs a pipeline
 */
export async function sharedEndState(
  photos: number,
  compute: (photos: number) => Promise<EndState>,
): Promise<EndState> {
  const folder = process.env.TEST_RUN_FOLDER
  if (folder === undefined || photos > MOST_PHOTOS) return compute(photos)
  const file = join(folder, 'undisturbed.json')
  const claim = `${file}.claimed`
  await until(
    'the end state of an undisturbed pipeline, which another test file computes',
    async () => {
      if (existsSync(file)) return true
      const isOwn = await writeFile(claim, '', { flag: 'wx' }).then(
        () => true,
        () => false,
      )
      if (isOwn) await computeInto(file, () => compute(MOST_PHOTOS)).finally(() => rm(claim))
      return isOwn
    },
    3 * MINUTE,
  )
  return ofFirst(photos, parse(await readFile(file, 'utf8')))
}

async function computeInto(file: string, compute: () => Promise<EndState>): Promise<void> {
  const state = await compute()
  const text = JSON.stringify(state, (_key, value) => (value instanceof Map ? { entries: [...value] } : value))
  await writeFile(`${file}.unfinished`, text)
  await rename(`${file}.unfinished`, file)
}

function parse(text: string): EndState {
  return JSON.parse(text, (_key, value) => (Array.isArray(value?.entries) ? new Map(value.entries) : value))
}

/** Without what belongs to later photos. */
function ofFirst(photos: number, state: EndState): EndState {
  const isWanted = (key: string) => Number(/photo-(\d{6})/.exec(key)?.[1] ?? 0) < photos
  const wanted = <T>(map: Map<string, T>) => new Map([...map].filter(([key]) => isWanted(key)))
  return {
    ...state,
    photos: state.photos.filter(isWanted),
    embeddings: wanted(state.embeddings),
    labels: wanted(state.labels),
    failures: wanted(state.failures),
    objects: wanted(state.objects),
  }
}
