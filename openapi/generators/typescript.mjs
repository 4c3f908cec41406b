// What `@hey-api/openapi-ts` makes of the document: types, a function for each operation, and a client on `fetch` without
// dependencies. The script names the document and the folder.
export default {
  input: process.env.DRIFTING_OPENAPI,
  output: { path: process.env.DRIFTING_SDK, module: { extension: '.js' } },
  plugins: ['@hey-api/typescript', '@hey-api/sdk', '@hey-api/client-fetch'],
};
