import { realpath } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { AppError } from '../../domain/errors.js'
import type { LabelSet } from '../../domain/labels.js'
import { type ModelIdentity, modelKey } from '../../domain/model.js'
import { holdsSecret, namesVariables } from '../../domain/places/url-template.js'
import type { IngestRepository, LabelRepository } from '../../domain/ports/repository.js'
import { hasTextTower, requireTextTower } from '../../domain/text-tower.js'
import { createRun, type IngestDeps, type IngestRun, type IngestSubject } from '../../producers/ingest.js'
import { Mounts } from '../../producers/places/mounts.js'
import { OwnTemplates } from '../../workers/own-templates.js'
import { ReadableFolders } from '../../workers/readable-folders.js'
import { Supervisor } from '../../workers/supervisor/supervisor.js'
import { type Context, endInTime } from '../context.js'
import { keepCollectionModel, keepSearchedModel } from '../models/collection-model.js'
import { fetchModel } from '../models/model-files.js'
import { readLabelSet } from '../options/label-files.js'
import { Progress } from '../print/progress.js'
import { shellWord } from '../print/shell-word.js'
import { removalDeps } from '../removal/removal-deps.js'
import { imagesTemplate } from './images-template.js'
import type { IngestOptions } from './ingest-options.js'
import { WaitNotices } from './wait-notices.js'

/** Opens what an ingest needs, and records its run. */
export async function startRun(
  context: Context,
  subject: IngestSubject,
  labelSets: readonly LabelSet[],
  options: IngestOptions,
): Promise<{ deps: IngestDeps; run: IngestRun }> {
  const { app, out, signal } = context
  endInTime(context, 'batches')
  await keepCollectionModel(context)
  if (options.processes > 0) await fetchModel(context)
  if (app.models.spec.note && !options.madeForModel) out.note(app.models.spec.note)
  const model = await app.models.identity()
  if (subject.kind === 'missing') await keepSearchedModel(context, model)
  const { ingest: repository, runs, inBuckets, labels, ...onDisk } = await app.repositories()
  await refuseTrained(labelSets, model, { repository, labels })
  const isBucket = subject.kind === 'input' && subject.source.kind === 'bucket'
  const { places, removals } = isBucket ? inBuckets : onDisk
  await app.database.keepAlive()
  const queue = await app.servingQueue()
  if (options.store) await app.store()
  const deps = { repository, runs, places, queue, removal: removalDeps(app, removals) }
  const { priority = 'normal', store } = options
  const urlTemplate = (await imagesTemplate(options, text => out.note(text))) ?? options.urlTemplate
  if (urlTemplate && holdsSecret(urlTemplate))
    out.note(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: as users write it
      "The URL template seems to hold a secret, so it is not stored, and --retry-failed and --only-missing will need it again. Name an environment variable in it instead, in single quotes: '…?token=${MIRROR_TOKEN}'",
    )
  const own = new OwnTemplates(app.config.UNSPLASH_CLIP_HOME, app.config.ALLOW_TEMPLATES)
  if (urlTemplate && namesVariables(urlTemplate)) await own.note(urlTemplate)
  const { PHOTOS_PER_JOB: photosPerJob, MAX_WAITING_BATCHES: maxWaiting } = app.config
  const plan = {
    ...{ subject, model, labelSets, priority, photosPerJob, maxWaiting, store, urlTemplate },
    host: app.config.PLACE_HOST,
    environment: context.environment,
    ownTemplates: await own.all(),
    options: { ...options },
  }
  if (subject.kind === 'input') {
    await letWorkersRead(context, subject.source.folders)
    await new Mounts(deps.removal.mounts).look(subject.source.folders)
  }
  if (options.images) await letWorkersRead(context, [await realpath(options.images)])
  const start = new Progress('start')
  const onWait = new WaitNotices(out, start).tell
  const run = await createRun(deps, plan, { signal, onWait }).finally(() => start.end())
  return { deps, run }
}

/** Workers could not store prompts under the name of a trained set. @throws AppError LABEL_SET_INVALID */
async function refuseTrained(
  labelSets: readonly LabelSet[],
  model: ModelIdentity,
  {
    repository,
    labels,
  }: { repository: Pick<IngestRepository, 'findModel'>; labels: Pick<LabelRepository, 'labelSets'> },
): Promise<void> {
  const known = await repository.findModel(modelKey(model))
  if (known === null) return
  const trained = (await labels.labelSets(known.id)).find(
    ({ name, training }) => training !== undefined && labelSets.some(set => set.name === name),
  )
  if (trained !== undefined)
    throw new AppError(
      'LABEL_SET_INVALID',
      `The label set ${trained.name} was trained on photos, and the prompts of its file would replace it. Leave it out, rename the file, or remove the trained set: unsplash-clip labels rm ${trained.name}`,
    )
}

/**
 * Label sets are words. With an image-only model, the default sets are left out with a note, and requested ones are
 * refused.
 * @throws AppError LABEL_SET_INVALID, MODEL_WITHOUT_TEXT
 */
export function chooseLabelSets(context: Context): LabelSet[] {
  const { app, out, environment } = context
  const names = app.config.LABEL_SETS
  if (names.length > 0 && !environment.LABEL_SETS && !hasTextTower(app.models.spec)) {
    out.note(`${modelKey(app.models.spec)} embeds only images: no labels are predicted.`)
    return []
  }
  if (names.length > 0)
    requireTextTower(
      app.models.spec,
      `predict ${names.join(', ')}`,
      'Ingest without labels (leave out --label-set; if the setting LABEL_SETS is set, --label-set none), or with a model that has a text tower (`models list`).',
    )
  return names.map(name => readLabelSet(name, app.labelFolders))
}

/** Workers of this home may read the folders that its user ingests. */
async function letWorkersRead({ app, out }: Context, folders: readonly string[]): Promise<void> {
  const readable = new ReadableFolders(app.config.UNSPLASH_CLIP_HOME)
  for (const folder of folders)
    await readable
      .allow(folder)
      .catch(error =>
        out.note(
          `Workers need --allow-folder ${shellWord(folder)}, because it could not be noted for them: ${(error as Error).message}`,
        ),
      )
}

/** The workers share the cores and log warnings only, because this command prints the progress. */
export function startWorkers(
  { app, environment, out, signal: stop }: Context,
  { processes }: IngestOptions,
): Supervisor {
  const threads = Math.max(1, Math.floor(availableParallelism() / processes))
  return new Supervisor({
    processes,
    signal: stop,
    environment: {
      ...environment,
      MODEL: modelKey(app.models.spec),
      THREADS: environment.THREADS || String(threads),
      LOG_LEVEL: environment.LOG_LEVEL || 'warn',
      METRICS_PORT: '',
    },
    onCrash: ({ pid, exitCode, signal }) =>
      // A terminal sends Ctrl-C to workers, too, and one that is just starting ends by it.
      stop.aborted ||
      signal === 'SIGINT' ||
      out.note(`Worker process ${pid} crashed (${signal ?? `exit code ${exitCode}`}); another one takes its place.`),
  }).start()
}
