import { modelKey } from '../../domain/model.js'
import { hasTextTower } from '../../domain/text-tower.js'
import type { Ingestion } from '../../http/parts.js'
import type { IngestDeps } from '../../producers/ingest.js'
import { type SubmissionPlan, Submissions } from '../../producers/submission/submissions.js'
import { OwnTemplates } from '../../workers/own-templates.js'
import type { Context } from '../context.js'
import { keepCollectionModel } from '../models/collection-model.js'
import { readLabelSet } from '../options/label-files.js'
import { removalDeps } from '../removal/removal-deps.js'

/** What runs that no command line describes are made with. */
export interface PlannedIngest {
  deps: IngestDeps
  /** @param model default: that of the collection or of the settings. @throws AppError MODEL_UNKNOWN */
  plan(model?: string): Promise<SubmissionPlan>
}

/** Opens the queue, and submits as `ingest` with the settings of this process does. */
export async function openIngestion(context: Context): Promise<Ingestion & { close(): Promise<void> }> {
  const { app } = context
  const { deps, plan } = await planIngest(context)
  const { submissions: store } = await app.repositories()
  const logger = await app.logger()
  const submissions = new Submissions(deps, store, (run, error) =>
    logger.warn({ err: error, run }, 'a run was not enqueued to its end; ingest --only-missing does the rest'),
  )
  return { submissions, plan, close: () => submissions.close() }
}

/** Opens the queue, and plans runs with the settings of this process. */
export async function planIngest(context: Context): Promise<PlannedIngest> {
  const { app, environment } = context
  const { ingest: repository, runs, places, removals } = await app.repositories()
  const deps = { repository, runs, places, queue: await app.servingQueue(), removal: removalDeps(app, removals) }
  const own = new OwnTemplates(app.config.UNSPLASH_CLIP_HOME, app.config.ALLOW_TEMPLATES)
  const { PHOTOS_PER_JOB: photosPerJob, MAX_WAITING_BATCHES: maxWaiting, LABEL_SETS } = app.config
  return {
    deps,
    async plan(named) {
      // Each time: another model may have been chosen for the collection.
      if (named === undefined) await keepCollectionModel(context)
      const key = named ?? app.models.wanted
      const spec = app.models.resolve(key)
      const labelSets = hasTextTower(spec) ? LABEL_SETS.map(name => readLabelSet(name, app.labelFolders)) : []
      return {
        model: await app.models.identify(key),
        labelSets,
        priority: 'normal',
        photosPerJob,
        maxWaiting,
        store: true,
        environment,
        ownTemplates: await own.all(),
        options: { model: modelKey(spec), priority: 'normal', store: true },
      }
    },
  }
}
