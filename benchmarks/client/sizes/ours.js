export { createClient } from "../../../clients/typescript/dist/index.js";
