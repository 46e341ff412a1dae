import type { Encoder } from '../domain/ports/encoder.js'
import { formatQuantity } from '../domain/text/format.js'
import { PhotoSearch } from '../search/photo-search.js'
import { chooseSearchModel, encoderOf, type ModelCatalog, type SearchModel } from '../search/search-model.js'
import type { Context } from './context.js'
import { openEncoder } from './models/model-files.js'

/** Returns the query module for this command. Downloads of model files show progress on the terminal. */
export async function openSearch(context: Context): Promise<PhotoSearch> {
  const { config } = context.app
  return new PhotoSearch({
    ...(await modelSources(context)),
    repositories: await context.app.repositories(),
    onLearn: photos =>
      context.out.note(`Comparing ${formatQuantity(photos, 'photo')} with texts, once: it takes seconds.`),
    images: { maxPixels: config.MAX_IMAGE_PIXELS, mode: config.PREPROCESS, jpegDecoder: config.JPEG_DECODER },
  })
}

/**
 * Returns the query module and the model that answers, which --model can name.
 * @throws AppError NOT_EMBEDDED, MODEL_UNKNOWN
 */
export async function openSearchWithModel(context: Context): Promise<{ search: PhotoSearch; model: SearchModel }> {
  const search = await openSearch(context)
  return { search, model: await search.model(namedModel(context)) }
}

/**
 * Returns the model that answers, for commands that only need its embeddings.
 * @throws AppError NOT_EMBEDDED, MODEL_UNKNOWN
 */
export async function chooseModel(context: Context): Promise<SearchModel> {
  return chooseSearchModel(await modelSources(context), namedModel(context))
}

/** The text encoder of the model that answers. @throws AppError MODEL_UNKNOWN, NOT_EMBEDDED: see `encoderOf` */
export function openTextEncoder(context: Context, model: SearchModel): Promise<Encoder> {
  return encoderOf(catalog(context), model, 'text', context.signal)
}

async function modelSources(context: Context) {
  const { app } = context
  return { repositories: await app.repositories(), models: catalog(context), defaultModel: app.config.MODEL }
}

function catalog(context: Context): ModelCatalog {
  const { models } = context.app
  return {
    resolve: key => models.resolve(key),
    identify: key => models.identify(key),
    encoder: (key, tower) => openEncoder(context, key, tower),
  }
}

function namedModel({ app, modelNamed }: Context): string | undefined {
  return modelNamed ? app.config.MODEL : undefined
}
