// Send each request of the collection alone, as after a fresh import: node postman_alone.js NEWMAN COLLECTION VARIABLES
// Prints as JSON what was sent for each request, and the failures, by its name.
const [newmanPath, collectionPath, variables] = process.argv.slice(2);
const { readFileSync } = require("node:fs");
const newman = require(newmanPath);

const AT_ONCE = 4;
const collection = JSON.parse(readFileSync(collectionPath, "utf8"));
const envVar = Object.entries(JSON.parse(variables)).map(([key, value]) => ({ key, value }));

function listRequests({ item: items }) {
    return items.flatMap((item) => (item.item ? listRequests(item) : [item]));
}

function sendAlone(item) {
    // Without the other requests and the saved responses, newman starts in half the time.
    const imported = structuredClone({ ...collection, item: [{ ...item, response: [] }] });
    return new Promise((resolve, reject) => {
        newman.run({ collection: imported, envVar, reporters: [] }, (error, summary) => {
            if (error) {
                reject(error);
                return;
            }
            const { executions, failures } = summary.run;
            const sent = executions.map(({ response }) => (response ? response.code : "not sent"));
            resolve({ sent, failures: failures.map((failure) => failure.error.message) });
        });
    });
}

async function main() {
    const results = {};
    const waiting = listRequests(collection);
    async function work() {
        for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
            results[item.name] = await sendAlone(item);
        }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    process.stdout.write(JSON.stringify(results));
}

main();
