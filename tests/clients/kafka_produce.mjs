// As the course's CSV producers: kafkajs, the constant key "1", one message a value.
import { Kafka, logLevel } from "kafkajs";

const [, , broker, topic, ...values] = process.argv;
const kafka = new Kafka({ clientId: "csv-producer", brokers: [broker, broker, broker], logLevel: logLevel.ERROR });
const producer = kafka.producer();
await producer.connect();
for (const value of values) {
  await producer.send({ topic, messages: [{ key: "1", value }] });
}
await producer.disconnect();
