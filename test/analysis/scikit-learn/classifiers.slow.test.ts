import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { topClasses } from '../../../src/analysis/classify/classifier.js'
import { METHODS, testMethod } from '../../../src/analysis/classify/evaluate.js'
import { pickSamples, type Samples } from '../../../src/analysis/classify/samples.js'
import { type Scores, spreadOf } from '../../../src/analysis/classify/scores.js'
import { type Split, stratifiedSplit } from '../../../src/analysis/classify/split.js'
import { type Matrix, pickRows, rowOf } from '../../../src/analysis/matrix/matrix.js'
import { Products } from '../../../src/analysis/matrix/products.js'
import { npyFile } from '../../support/models/npy-file.js'
import { hasPython, pythonPeers } from '../../support/python/environment.js'
import { hasReference } from '../../support/servers/requirements.js'
import { referencePhotos } from './reference-photos.js'

const HERE = resolve('test/analysis/scikit-learn')
const SEEDS = Array.from({ length: 20 }, (_, seed) => seed)
const TIMES = ['dawn', 'day', 'dusk', 'night']
const MEASURES = ['accuracy', 'balancedAccuracy', 'macroF1'] as const

interface Task {
  name: string
  /** Rows of the matrix. */
  places: number[]
  classes: number[]
  splits: Split[]
}

interface Answer extends Pick<Scores, (typeof MEASURES)[number]> {
  task: string
  seed: number
  method: string
  predicted: number[]
}

describe.skipIf(![hasPython(), hasReference()].every(Boolean))('beside scikit-learn, on 700 real vectors,', () => {
  let products: Products
  let theirs: Answer[]
  const ours: Answer[] = []

  beforeAll(async () => {
    const { vectors, photos } = await referencePhotos()
    products = await Products.open()
    const level = (iso: number) => (iso <= 200 ? 0 : iso <= 1000 ? 1 : 2)
    const tasks = [
      taskOf(
        'iso',
        photos.map(({ exif_iso }) => (exif_iso === '' ? null : level(Number(exif_iso)))),
      ),
      taskOf(
        'time',
        photos.map(({ taken_time }) => TIMES.indexOf(taken_time!)),
      ),
      taskOf(
        'space',
        photos.map(({ taken_space }) => (taken_space === 'indoor' ? 1 : 0)),
      ),
    ]
    for (const task of tasks) await predict(task, samplesOf(task, vectors))
    theirs = await ask(vectors, tasks)
  }, 1_200_000)
  afterAll(() => products?.close())

  async function predict({ name, splits }: Task, samples: Samples): Promise<void> {
    for (const [seed, split] of splits.entries())
      for (const method of METHODS) {
        const { scores, probabilities } = await testMethod(method, samples, split, { products, seed })
        ours.push({ task: name, seed, method: method.name, ...scores, predicted: [...topClasses(probabilities)] })
      }
  }

  const of = (answers: readonly Answer[], task: string, method: string): Answer[] =>
    answers.filter(each => each.task === task && each.method === method)

  test.each(['iso', 'time', 'space'])('logistic regression agrees on at least 99 %% of predictions: %s', task => {
    const [own, other] = [ours, theirs].map(all => of(all, task, 'logistic regression').flatMap(each => each.predicted))
    const equal = own!.filter((each, i) => each === other![i]).length
    expect(own!.length).toBe(other!.length)
    expect(equal / own!.length).toBeGreaterThanOrEqual(0.99)
  })

  describe.each(['random forest', '5 nearest'])('%s is within one standard error over 20 seeds:', method => {
    test.each(['iso', 'time', 'space'])('%s', task => {
      for (const measure of MEASURES) {
        const [own, other] = [ours, theirs].map(all => spreadOf(of(all, task, method).map(each => each[measure])))
        // Of the difference: both are random.
        const standardError = Math.hypot(own!.deviation, other!.deviation) / Math.sqrt(SEEDS.length)
        expect(Math.abs(own!.mean - other!.mean), `${measure}: ${own!.mean} and ${other!.mean}`).toBeLessThanOrEqual(
          standardError,
        )
      }
    })
  })

  test('the same predictions get the same scores', () => {
    for (const method of ['logistic regression', '5 nearest'])
      for (const [i, own] of of(ours, 'iso', method).entries()) {
        const other = of(theirs, 'iso', method)[i]!
        if (own.predicted.every((each, k) => each === other.predicted[k]))
          for (const measure of MEASURES) expect(own[measure]).toBeCloseTo(other[measure], 12)
      }
  })

  test('the ISO level is hardly to be seen, as in the tutorial: a forest is about as good as the most frequent level', () => {
    const [baseline, forest] = ['majority baseline', 'random forest'].map(method =>
      spreadOf(of(ours, 'iso', method).map(({ accuracy }) => accuracy)),
    )
    expect(baseline!.mean).toBeCloseTo(0.594, 1)
    expect(Math.abs(forest!.mean - baseline!.mean)).toBeLessThan(0.06)
  })
})

function taskOf(name: string, classOf: (number | null)[]): Task {
  const places = [...classOf.keys()].filter(place => classOf[place] !== null)
  const classes = places.map(place => classOf[place]!)
  const samples = { classes: Int32Array.from(classes), classCount: Math.max(...classes) + 1 }
  return { name, places, classes, splits: SEEDS.map(seed => stratifiedSplit(samples, 0.2, seed)) }
}

function samplesOf({ places, classes }: Task, vectors: Matrix): Samples {
  const all = {
    vectors: pickRows(vectors, places),
    classes: Int32Array.from(classes),
    classCount: Math.max(...classes) + 1,
  }
  return pickSamples(all, [...places.keys()])
}

async function ask(vectors: Matrix, tasks: readonly Task[]): Promise<Answer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'uc-sklearn-'))
  try {
    const file = join(folder, 'vectors.npy')
    await writeFile(file, npyFile(Array.from({ length: vectors.rows }, (_, i) => rowOf(vectors, i))))
    const programs = await pythonPeers()
    const child = spawn(join(programs, 'python'), [join(HERE, 'classifiers.py'), file])
    const questions = tasks.map(task => ({
      ...task,
      splits: task.splits.map(({ train, test: tested }) => ({ train: [...train], test: [...tested] })),
    }))
    child.stdin.end(JSON.stringify(questions))
    const [answered, complaints] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    if (child.exitCode !== 0) throw new Error(complaints)
    return JSON.parse(answered) as Answer[]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
