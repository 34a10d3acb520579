// Send each request of the collection alone, with the scripts and variables around it, as after a fresh import:
// node postman_alone.js NEWMAN COLLECTION VARIABLES
// Prints as JSON the status and the failures of each request by its name.
const [newmanPath, collectionPath, variables] = process.argv.slice(2);
const { readFileSync } = require("node:fs");
const newman = require(newmanPath);
const sandbox = require(require.resolve("postman-sandbox", { paths: [newmanPath] }));

const EVENTS = ["console", "error", "execution.error", "execution.assertion"];
const collection = JSON.parse(readFileSync(collectionPath, "utf8"));
const envVar = Object.entries(JSON.parse(variables)).map(([key, value]) => ({ key, value }));

function listNames({ item: items }) {
    return items.flatMap((item) => (item.item ? listNames(item) : [item.name]));
}

// Return a copy of a folder with nothing but one request and the folders around it: newman reads the others, too.
function copyWith(name, folder) {
    const inside = folder.item.filter((item) => item.name === name || (item.item && listNames(item).includes(name)));
    return { ...folder, item: inside.map((item) => (item.item ? copyWith(name, item) : structuredClone(item))) };
}

// Keep the sandbox of the first request for all: making one takes longer than running a script in it. Variables belong
// to the collection of each run, and each run listens alone.
const { createContext } = sandbox;
let kept = null;
sandbox.createContext = (options, callback) => {
    if (kept) {
        EVENTS.forEach((event) => kept.removeAllListeners(event));
        callback(null, kept);
        return;
    }
    createContext.call(sandbox, options, (error, context) => {
        kept = context;
        callback(error, context);
    });
};

function sendAlone(name) {
    return new Promise((resolve, reject) => {
        const options = { collection: copyWith(name, collection), folder: name, envVar, reporters: [] };
        newman.run(options, (error, summary) => {
            if (error) {
                reject(error);
                return;
            }
            const { executions, failures } = summary.run;
            const codes = executions.map(({ response }) => (response ? response.code : null));
            resolve({ code: codes.pop(), failures: failures.map((failure) => failure.error.message) });
        });
    });
}

async function main() {
    const results = {};
    for (const name of listNames(collection)) {
        results[name] = await sendAlone(name);
    }
    process.stdout.write(JSON.stringify(results));
}

main();
