import { AppError } from '../domain/errors.js'
import type { ImageInput } from '../domain/image-input.js'
import { isImported, type ModelIdentity, modelKey } from '../domain/model.js'
import type { Encoder } from '../domain/ports/encoder.js'
import type { ModelRepository } from '../domain/ports/model-repository.js'
import type { IngestRepository, ModelId } from '../domain/ports/repository.js'
import type { DescribedModel } from '../domain/text-tower.js'

/** A model as this installation describes it, whether or not the database has embeddings of it. */
export interface KnownModel extends DescribedModel {
  readonly input: ImageInput
}

/** The models of this installation, by key: `name` or `name@precision`. Any other key throws AppError MODEL_UNKNOWN. */
export interface ModelCatalog {
  resolve(key: string): KnownModel
  /** Name and revision of the model's files. */
  identify(key: string): Promise<ModelIdentity>
  /** The encoder, its files fetched if necessary. It belongs to the catalog, which closes it. */
  encoder(key: string, tower: 'image' | 'text', signal: AbortSignal): Promise<Encoder>
}

/** The model that answers a query. The database has its embeddings; this installation may lack its files. */
export interface SearchModel {
  id: ModelId
  identity: ModelIdentity
  /** `name@precision` */
  key: string
  /** Its description here: input of the image tower, and whether it has a text tower. Null: not known here. */
  spec: KnownModel | null
  /** Whether the embeddings of texts are stored, of those texts that were asked for together with the model. */
  stored?: ReadonlyMap<string, boolean>
}

export interface ModelSources {
  repositories: {
    ingest: Pick<IngestRepository, 'findModel' | 'latestModel'>
    models: Pick<ModelRepository, 'answering'>
  }
  models: ModelCatalog
  /** Key of the model that answers when none is named, none was chosen in the database, and it has several. */
  defaultModel: string
}

/**
 * The model to search with: the named one; else the one that was chosen for searches in the database; else the only
 * one whose embeddings it has; else the default. Files are not needed: see {@link encoderOf}.
 * @param words texts of the search, of which the database may have the embeddings
 * @throws AppError NOT_EMBEDDED, which names the model whose embeddings the database has; MODEL_UNKNOWN for a name that
 * neither the database nor this installation knows
 */
export async function chooseSearchModel(
  sources: ModelSources,
  named?: string,
  words: readonly string[] = [],
): Promise<SearchModel> {
  const { repositories, models, defaultModel } = sources
  const answering = named === undefined ? await repositories.models.answering(words) : null
  const chosen = answering && { id: answering.id, identity: answering.identity }
  const wanted = chosen ? modelKey(chosen.identity) : (named ?? defaultModel)
  const spec = resolved(models, wanted)
  const found = chosen ?? (await repositories.ingest.findModel(spec === null ? wanted : modelKey(spec)))
  const stored = answering && new Map(words.map((text, i) => [text, answering.stored[i]!]))
  if (found) return { ...found, key: modelKey(found.identity), spec, ...(stored ? { stored } : {}) }
  // Throws for a name that means nothing here either.
  const key = modelKey(models.resolve(wanted))
  const other = await repositories.ingest.latestModel()
  if (other === null)
    throw new AppError(
      'NOT_EMBEDDED',
      'The database holds no embeddings yet. Ingest something first: unsplash-clip ingest INPUT --processes 2',
    )
  const otherKey = modelKey(other.identity)
  const note =
    other.identity.name === 'demo' ? ' (the demo model: it understands rendered scenes, not photographs)' : ''
  throw new AppError(
    'NOT_EMBEDDED',
    `No photo is embedded with ${key} yet. This database has embeddings of ${otherKey}${note}: add --model ${otherKey}, choose it for all searches with "unsplash-clip models use ${otherKey}", or ingest with ${key}.`,
  )
}

/**
 * The encoder of a model that answers, in the revision that embedded the photos.
 * @throws AppError MODEL_WITHOUT_TEXT for a model of imported vectors only; MODEL_UNKNOWN for another one that only the
 * database knows; NOT_EMBEDDED for another revision
 */
export async function encoderOf(
  models: ModelCatalog,
  { key, identity, spec }: Pick<SearchModel, 'key' | 'identity' | 'spec'>,
  tower: 'image' | 'text',
  signal: AbortSignal,
): Promise<Encoder> {
  if (spec === null && isImported(identity))
    throw new AppError(
      'MODEL_WITHOUT_TEXT',
      `${key} is known here by its imported vectors only: it has no ${tower} tower, so it cannot embed ${tower === 'text' ? 'words' : 'images'}. Search by photo, by vector or by stored prompts, or name another model: --model NAME.`,
    )
  if (spec === null)
    throw new AppError(
      'MODEL_UNKNOWN',
      `The database has embeddings of ${key}, but this installation does not know the model, so it cannot embed ${tower === 'text' ? 'words' : 'images'}. Take over the models.lock.json of the machine that added it (MODELS_LOCK), or name its folder in MODEL_FOLDERS; else search by photo or by stored prompts, or name another model: --model NAME.`,
    )
  const { revision } = await models.identify(key)
  if (revision !== identity.revision)
    throw new AppError(
      'NOT_EMBEDDED',
      `The photos were embedded with revision ${identity.revision} of ${key}; this is revision ${revision}. Ingest again with --only-missing.`,
    )
  return models.encoder(key, tower, signal)
}

function resolved(models: ModelCatalog, key: string): KnownModel | null {
  try {
    return models.resolve(key)
  } catch (error) {
    if (error instanceof AppError && error.code === 'MODEL_UNKNOWN') return null
    throw error
  }
}
