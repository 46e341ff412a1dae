/** Names of embedding outputs, preferred first: exports of CLIP and SigLIP, of open_clip, of image models. */
export const IMAGE_OUTPUTS = ['image_embeds', 'image_features', 'pooler_output', 'features', 'logits']
/** The same for a model whose embedding is the first token. */
export const TOKEN_OUTPUTS = ['last_hidden_state']
export const TEXT_OUTPUTS = ['text_embeds', 'text_features', 'pooler_output']
