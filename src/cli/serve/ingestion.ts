import { modelKey } from '../../domain/model.js'
import { hasTextTower } from '../../domain/text-tower.js'
import type { Ingestion } from '../../http/parts.js'
import { Submissions } from '../../producers/submission/submissions.js'
import { OwnTemplates } from '../../workers/own-templates.js'
import type { Context } from '../context.js'
import { readLabelSet } from '../options/label-files.js'
import { removalDeps } from '../removal/removal-deps.js'

/** Opens the queue, and plans runs as `ingest` with the settings of this process does. */
export async function openIngestion({ app, environment }: Context): Promise<Ingestion & { close(): Promise<void> }> {
  const { ingest: repository, runs, places, removals, submissions: store } = await app.repositories()
  const deps = { repository, runs, places, queue: await app.servingQueue(), removal: removalDeps(app, removals) }
  const logger = await app.logger()
  const submissions = new Submissions(deps, store, (run, error) =>
    logger.warn({ err: error, run }, 'a run was not enqueued to its end; ingest --only-missing does the rest'),
  )
  const own = new OwnTemplates(app.config.UNSPLASH_CLIP_HOME, app.config.ALLOW_TEMPLATES)
  const { PHOTOS_PER_JOB: photosPerJob, MAX_WAITING_BATCHES: maxWaiting, MODEL, LABEL_SETS } = app.config
  return {
    submissions,
    async plan(named = MODEL) {
      const spec = app.models.resolve(named)
      const labelSets = hasTextTower(spec) ? LABEL_SETS.map(name => readLabelSet(name, app.labelFolders)) : []
      return {
        model: await app.models.identify(named),
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
    close: () => submissions.close(),
  }
}
