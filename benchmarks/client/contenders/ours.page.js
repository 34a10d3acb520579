import { createClient } from "../../../clients/typescript/dist/index.js";
import { run } from "../run.page.js";
import { connectBy } from "./ours.js";

run(connectBy(createClient));
