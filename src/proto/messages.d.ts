import * as $protobuf from "protobufjs";
type Long = ReturnType<$protobuf.Reader["int64"]>;

/** Namespace mirrorboard. */
export namespace mirrorboard {

    /**
     * Properties of an Event.
     * @deprecated Use mirrorboard.Event.$Properties instead.
     */
    interface IEvent extends mirrorboard.Event.$Properties {
    }

    /** Represents an Event. */
    class Event {

        /**
         * Constructs a new Event.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Event.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Event wall_time. */
        wall_time: number;

        /** Event step. */
        step: Long;

        /** Event file_version. */
        file_version?: (string|null);

        /** Event graph_def. */
        graph_def?: (Uint8Array|null);

        /** Event summary. */
        summary?: (mirrorboard.Summary.$Properties|null);

        /** Event log_message. */
        log_message?: (mirrorboard.LogMessage.$Properties|null);

        /** Event session_log. */
        session_log?: (mirrorboard.SessionLog.$Properties|null);

        /** Event tagged_run_metadata. */
        tagged_run_metadata?: (mirrorboard.TaggedRunMetadata.$Properties|null);

        /** Event meta_graph_def. */
        meta_graph_def?: (Uint8Array|null);

        /** Event source_metadata. */
        source_metadata?: (mirrorboard.SourceMetadata.$Properties|null);

        /** Event what. */
        what?: ("file_version"|"graph_def"|"summary"|"log_message"|"session_log"|"tagged_run_metadata"|"meta_graph_def");

        /**
         * Decodes an Event message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Event & mirrorboard.Event.$Shape} Event
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Event & mirrorboard.Event.$Shape;
    }

    namespace Event {

        /** Properties of an Event. */
        interface $Properties {

            /** Event wall_time */
            wall_time?: (number|null);

            /** Event step */
            step?: (Long|null);

            /** Event file_version */
            file_version?: (string|null);

            /** Event graph_def */
            graph_def?: (Uint8Array|null);

            /** Event summary */
            summary?: (mirrorboard.Summary.$Properties|null);

            /** Event log_message */
            log_message?: (mirrorboard.LogMessage.$Properties|null);

            /** Event session_log */
            session_log?: (mirrorboard.SessionLog.$Properties|null);

            /** Event tagged_run_metadata */
            tagged_run_metadata?: (mirrorboard.TaggedRunMetadata.$Properties|null);

            /** Event meta_graph_def */
            meta_graph_def?: (Uint8Array|null);

            /** Event source_metadata */
            source_metadata?: (mirrorboard.SourceMetadata.$Properties|null);

            /** Event what */
            what?: ("file_version"|"graph_def"|"summary"|"log_message"|"session_log"|"tagged_run_metadata"|"meta_graph_def");

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Narrowed shape of an Event. */
        type $Shape = {
          wall_time?: number|null;
          step?: Long|null;
          file_version?: string|null;
          graph_def?: Uint8Array|null;
          summary?: mirrorboard.Summary.$Shape|null;
          log_message?: mirrorboard.LogMessage.$Shape|null;
          session_log?: mirrorboard.SessionLog.$Shape|null;
          tagged_run_metadata?: mirrorboard.TaggedRunMetadata.$Shape|null;
          meta_graph_def?: Uint8Array|null;
          source_metadata?: mirrorboard.SourceMetadata.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ what?: undefined; file_version?: null; graph_def?: null; summary?: null; log_message?: null; session_log?: null; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "file_version"; file_version: string; graph_def?: null; summary?: null; log_message?: null; session_log?: null; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "graph_def"; file_version?: null; graph_def: Uint8Array; summary?: null; log_message?: null; session_log?: null; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "summary"; file_version?: null; graph_def?: null; summary: mirrorboard.Summary.$Shape; log_message?: null; session_log?: null; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "log_message"; file_version?: null; graph_def?: null; summary?: null; log_message: mirrorboard.LogMessage.$Shape; session_log?: null; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "session_log"; file_version?: null; graph_def?: null; summary?: null; log_message?: null; session_log: mirrorboard.SessionLog.$Shape; tagged_run_metadata?: null; meta_graph_def?: null }|{ what?: "tagged_run_metadata"; file_version?: null; graph_def?: null; summary?: null; log_message?: null; session_log?: null; tagged_run_metadata: mirrorboard.TaggedRunMetadata.$Shape; meta_graph_def?: null }|{ what?: "meta_graph_def"; file_version?: null; graph_def?: null; summary?: null; log_message?: null; session_log?: null; tagged_run_metadata?: null; meta_graph_def: Uint8Array })
        );
    }

    /**
     * Properties of a SourceMetadata.
     * @deprecated Use mirrorboard.SourceMetadata.$Properties instead.
     */
    interface ISourceMetadata extends mirrorboard.SourceMetadata.$Properties {
    }

    /** Represents a SourceMetadata. */
    class SourceMetadata {

        /**
         * Constructs a new SourceMetadata.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SourceMetadata.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SourceMetadata writer. */
        writer: string;

        /**
         * Decodes a SourceMetadata message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SourceMetadata & mirrorboard.SourceMetadata.$Shape} SourceMetadata
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SourceMetadata & mirrorboard.SourceMetadata.$Shape;
    }

    namespace SourceMetadata {

        /** Properties of a SourceMetadata. */
        interface $Properties {

            /** SourceMetadata writer */
            writer?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SourceMetadata. */
        type $Shape = mirrorboard.SourceMetadata.$Properties;
    }

    /**
     * Properties of a LogMessage.
     * @deprecated Use mirrorboard.LogMessage.$Properties instead.
     */
    interface ILogMessage extends mirrorboard.LogMessage.$Properties {
    }

    /** Represents a LogMessage. */
    class LogMessage {

        /**
         * Constructs a new LogMessage.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.LogMessage.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** LogMessage level. */
        level: number;

        /** LogMessage message. */
        message: string;

        /**
         * Decodes a LogMessage message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.LogMessage & mirrorboard.LogMessage.$Shape} LogMessage
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.LogMessage & mirrorboard.LogMessage.$Shape;
    }

    namespace LogMessage {

        /** Properties of a LogMessage. */
        interface $Properties {

            /** LogMessage level */
            level?: (number|null);

            /** LogMessage message */
            message?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a LogMessage. */
        type $Shape = mirrorboard.LogMessage.$Properties;
    }

    /**
     * Properties of a SessionLog.
     * @deprecated Use mirrorboard.SessionLog.$Properties instead.
     */
    interface ISessionLog extends mirrorboard.SessionLog.$Properties {
    }

    /** Represents a SessionLog. */
    class SessionLog {

        /**
         * Constructs a new SessionLog.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SessionLog.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SessionLog status. */
        status: mirrorboard.SessionLog.Status;

        /** SessionLog checkpoint_path. */
        checkpoint_path: string;

        /** SessionLog msg. */
        msg: string;

        /**
         * Decodes a SessionLog message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SessionLog & mirrorboard.SessionLog.$Shape} SessionLog
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SessionLog & mirrorboard.SessionLog.$Shape;
    }

    namespace SessionLog {

        /** Properties of a SessionLog. */
        interface $Properties {

            /** SessionLog status */
            status?: (mirrorboard.SessionLog.Status|null);

            /** SessionLog checkpoint_path */
            checkpoint_path?: (string|null);

            /** SessionLog msg */
            msg?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SessionLog. */
        type $Shape = mirrorboard.SessionLog.$Properties;

        /** Status enum. */
        enum Status {

            /** STATUS_UNSPECIFIED value */
            STATUS_UNSPECIFIED = 0,

            /** START value */
            START = 1,

            /** STOP value */
            STOP = 2,

            /** CHECKPOINT value */
            CHECKPOINT = 3
        }
    }

    /**
     * Properties of a TaggedRunMetadata.
     * @deprecated Use mirrorboard.TaggedRunMetadata.$Properties instead.
     */
    interface ITaggedRunMetadata extends mirrorboard.TaggedRunMetadata.$Properties {
    }

    /** Represents a TaggedRunMetadata. */
    class TaggedRunMetadata {

        /**
         * Constructs a new TaggedRunMetadata.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.TaggedRunMetadata.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** TaggedRunMetadata tag. */
        tag: string;

        /** TaggedRunMetadata run_metadata. */
        run_metadata: Uint8Array;

        /**
         * Decodes a TaggedRunMetadata message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.TaggedRunMetadata & mirrorboard.TaggedRunMetadata.$Shape} TaggedRunMetadata
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.TaggedRunMetadata & mirrorboard.TaggedRunMetadata.$Shape;
    }

    namespace TaggedRunMetadata {

        /** Properties of a TaggedRunMetadata. */
        interface $Properties {

            /** TaggedRunMetadata tag */
            tag?: (string|null);

            /** TaggedRunMetadata run_metadata */
            run_metadata?: (Uint8Array|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a TaggedRunMetadata. */
        type $Shape = mirrorboard.TaggedRunMetadata.$Properties;
    }

    /**
     * Properties of a Summary.
     * @deprecated Use mirrorboard.Summary.$Properties instead.
     */
    interface ISummary extends mirrorboard.Summary.$Properties {
    }

    /** Represents a Summary. */
    class Summary {

        /**
         * Constructs a new Summary.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Summary.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Summary value. */
        value: mirrorboard.Summary.Value.$Properties[];

        /**
         * Decodes a Summary message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Summary & mirrorboard.Summary.$Shape} Summary
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Summary & mirrorboard.Summary.$Shape;
    }

    namespace Summary {

        /** Properties of a Summary. */
        interface $Properties {

            /** Summary value */
            value?: (mirrorboard.Summary.Value.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a Summary. */
        type $Shape = {
          value?: mirrorboard.Summary.Value.$Shape[]|null;
          $unknowns?: Uint8Array[];
        };

        /**
         * Properties of a Value.
         * @deprecated Use mirrorboard.Summary.Value.$Properties instead.
         */
        interface IValue extends mirrorboard.Summary.Value.$Properties {
        }

        /** Represents a Value. */
        class Value {

            /**
             * Constructs a new Value.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.Summary.Value.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Value tag. */
            tag: string;

            /** Value simple_value. */
            simple_value?: (number|null);

            /** Value image. */
            image?: (mirrorboard.Image.$Properties|null);

            /** Value histo. */
            histo?: (mirrorboard.HistogramProto.$Properties|null);

            /** Value audio. */
            audio?: (mirrorboard.Audio.$Properties|null);

            /** Value tensor. */
            tensor?: (mirrorboard.TensorProto.$Properties|null);

            /** Value node_name. */
            node_name: string;

            /** Value metadata. */
            metadata?: (mirrorboard.SummaryMetadata.$Properties|null);

            /** Value value. */
            value?: ("simple_value"|"image"|"histo"|"audio"|"tensor");

            /**
             * Decodes a Value message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.Summary.Value & mirrorboard.Summary.Value.$Shape} Value
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Summary.Value & mirrorboard.Summary.Value.$Shape;
        }

        namespace Value {

            /** Properties of a Value. */
            interface $Properties {

                /** Value tag */
                tag?: (string|null);

                /** Value simple_value */
                simple_value?: (number|null);

                /** Value image */
                image?: (mirrorboard.Image.$Properties|null);

                /** Value histo */
                histo?: (mirrorboard.HistogramProto.$Properties|null);

                /** Value audio */
                audio?: (mirrorboard.Audio.$Properties|null);

                /** Value tensor */
                tensor?: (mirrorboard.TensorProto.$Properties|null);

                /** Value node_name */
                node_name?: (string|null);

                /** Value metadata */
                metadata?: (mirrorboard.SummaryMetadata.$Properties|null);

                /** Value value */
                value?: ("simple_value"|"image"|"histo"|"audio"|"tensor");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a Value. */
            type $Shape = {
              tag?: string|null;
              simple_value?: number|null;
              image?: mirrorboard.Image.$Shape|null;
              histo?: mirrorboard.HistogramProto.$Shape|null;
              audio?: mirrorboard.Audio.$Shape|null;
              tensor?: mirrorboard.TensorProto.$Shape|null;
              node_name?: string|null;
              metadata?: mirrorboard.SummaryMetadata.$Shape|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ value?: undefined; simple_value?: null; image?: null; histo?: null; audio?: null; tensor?: null }|{ value?: "simple_value"; simple_value: number; image?: null; histo?: null; audio?: null; tensor?: null }|{ value?: "image"; simple_value?: null; image: mirrorboard.Image.$Shape; histo?: null; audio?: null; tensor?: null }|{ value?: "histo"; simple_value?: null; image?: null; histo: mirrorboard.HistogramProto.$Shape; audio?: null; tensor?: null }|{ value?: "audio"; simple_value?: null; image?: null; histo?: null; audio: mirrorboard.Audio.$Shape; tensor?: null }|{ value?: "tensor"; simple_value?: null; image?: null; histo?: null; audio?: null; tensor: mirrorboard.TensorProto.$Shape })
            );
        }
    }

    /**
     * Properties of an Image.
     * @deprecated Use mirrorboard.Image.$Properties instead.
     */
    interface IImage extends mirrorboard.Image.$Properties {
    }

    /** Represents an Image. */
    class Image {

        /**
         * Constructs a new Image.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Image.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Image height. */
        height: number;

        /** Image width. */
        width: number;

        /** Image colorspace. */
        colorspace: number;

        /** Image encoded_image_string. */
        encoded_image_string: Uint8Array;

        /**
         * Decodes an Image message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Image & mirrorboard.Image.$Shape} Image
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Image & mirrorboard.Image.$Shape;
    }

    namespace Image {

        /** Properties of an Image. */
        interface $Properties {

            /** Image height */
            height?: (number|null);

            /** Image width */
            width?: (number|null);

            /** Image colorspace */
            colorspace?: (number|null);

            /** Image encoded_image_string */
            encoded_image_string?: (Uint8Array|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an Image. */
        type $Shape = mirrorboard.Image.$Properties;
    }

    /**
     * Properties of an Audio.
     * @deprecated Use mirrorboard.Audio.$Properties instead.
     */
    interface IAudio extends mirrorboard.Audio.$Properties {
    }

    /** Represents an Audio. */
    class Audio {

        /**
         * Constructs a new Audio.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Audio.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Audio sample_rate. */
        sample_rate: number;

        /** Audio num_channels. */
        num_channels: Long;

        /** Audio length_frames. */
        length_frames: Long;

        /** Audio encoded_audio_string. */
        encoded_audio_string: Uint8Array;

        /** Audio content_type. */
        content_type: string;

        /**
         * Decodes an Audio message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Audio & mirrorboard.Audio.$Shape} Audio
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Audio & mirrorboard.Audio.$Shape;
    }

    namespace Audio {

        /** Properties of an Audio. */
        interface $Properties {

            /** Audio sample_rate */
            sample_rate?: (number|null);

            /** Audio num_channels */
            num_channels?: (Long|null);

            /** Audio length_frames */
            length_frames?: (Long|null);

            /** Audio encoded_audio_string */
            encoded_audio_string?: (Uint8Array|null);

            /** Audio content_type */
            content_type?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an Audio. */
        type $Shape = mirrorboard.Audio.$Properties;
    }

    /**
     * Properties of a HistogramProto.
     * @deprecated Use mirrorboard.HistogramProto.$Properties instead.
     */
    interface IHistogramProto extends mirrorboard.HistogramProto.$Properties {
    }

    /** Represents a HistogramProto. */
    class HistogramProto {

        /**
         * Constructs a new HistogramProto.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.HistogramProto.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** HistogramProto min. */
        min: number;

        /** HistogramProto max. */
        max: number;

        /** HistogramProto num. */
        num: number;

        /** HistogramProto sum. */
        sum: number;

        /** HistogramProto sum_squares. */
        sum_squares: number;

        /** HistogramProto bucket_limit. */
        bucket_limit: number[];

        /** HistogramProto bucket. */
        bucket: number[];

        /**
         * Decodes a HistogramProto message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.HistogramProto & mirrorboard.HistogramProto.$Shape} HistogramProto
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.HistogramProto & mirrorboard.HistogramProto.$Shape;
    }

    namespace HistogramProto {

        /** Properties of a HistogramProto. */
        interface $Properties {

            /** HistogramProto min */
            min?: (number|null);

            /** HistogramProto max */
            max?: (number|null);

            /** HistogramProto num */
            num?: (number|null);

            /** HistogramProto sum */
            sum?: (number|null);

            /** HistogramProto sum_squares */
            sum_squares?: (number|null);

            /** HistogramProto bucket_limit */
            bucket_limit?: (number[]|null);

            /** HistogramProto bucket */
            bucket?: (number[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a HistogramProto. */
        type $Shape = mirrorboard.HistogramProto.$Properties;
    }

    /**
     * Properties of a SummaryMetadata.
     * @deprecated Use mirrorboard.SummaryMetadata.$Properties instead.
     */
    interface ISummaryMetadata extends mirrorboard.SummaryMetadata.$Properties {
    }

    /** Represents a SummaryMetadata. */
    class SummaryMetadata {

        /**
         * Constructs a new SummaryMetadata.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SummaryMetadata.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SummaryMetadata plugin_data. */
        plugin_data?: (mirrorboard.SummaryMetadata.PluginData.$Properties|null);

        /** SummaryMetadata display_name. */
        display_name: string;

        /** SummaryMetadata summary_description. */
        summary_description: string;

        /** SummaryMetadata data_class. */
        data_class: mirrorboard.DataClass;

        /**
         * Decodes a SummaryMetadata message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SummaryMetadata & mirrorboard.SummaryMetadata.$Shape} SummaryMetadata
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SummaryMetadata & mirrorboard.SummaryMetadata.$Shape;
    }

    namespace SummaryMetadata {

        /** Properties of a SummaryMetadata. */
        interface $Properties {

            /** SummaryMetadata plugin_data */
            plugin_data?: (mirrorboard.SummaryMetadata.PluginData.$Properties|null);

            /** SummaryMetadata display_name */
            display_name?: (string|null);

            /** SummaryMetadata summary_description */
            summary_description?: (string|null);

            /** SummaryMetadata data_class */
            data_class?: (mirrorboard.DataClass|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SummaryMetadata. */
        type $Shape = mirrorboard.SummaryMetadata.$Properties;

        /**
         * Properties of a PluginData.
         * @deprecated Use mirrorboard.SummaryMetadata.PluginData.$Properties instead.
         */
        interface IPluginData extends mirrorboard.SummaryMetadata.PluginData.$Properties {
        }

        /** Represents a PluginData. */
        class PluginData {

            /**
             * Constructs a new PluginData.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.SummaryMetadata.PluginData.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** PluginData plugin_name. */
            plugin_name: string;

            /** PluginData content. */
            content: Uint8Array;

            /**
             * Decodes a PluginData message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.SummaryMetadata.PluginData & mirrorboard.SummaryMetadata.PluginData.$Shape} PluginData
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SummaryMetadata.PluginData & mirrorboard.SummaryMetadata.PluginData.$Shape;
        }

        namespace PluginData {

            /** Properties of a PluginData. */
            interface $Properties {

                /** PluginData plugin_name */
                plugin_name?: (string|null);

                /** PluginData content */
                content?: (Uint8Array|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a PluginData. */
            type $Shape = mirrorboard.SummaryMetadata.PluginData.$Properties;
        }
    }

    /** DataClass enum. */
    enum DataClass {

        /** DATA_CLASS_UNKNOWN value */
        DATA_CLASS_UNKNOWN = 0,

        /** DATA_CLASS_SCALAR value */
        DATA_CLASS_SCALAR = 1,

        /** DATA_CLASS_TENSOR value */
        DATA_CLASS_TENSOR = 2,

        /** DATA_CLASS_BLOB_SEQUENCE value */
        DATA_CLASS_BLOB_SEQUENCE = 3
    }

    /**
     * Properties of a TensorProto.
     * @deprecated Use mirrorboard.TensorProto.$Properties instead.
     */
    interface ITensorProto extends mirrorboard.TensorProto.$Properties {
    }

    /** Represents a TensorProto. */
    class TensorProto {

        /**
         * Constructs a new TensorProto.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.TensorProto.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** TensorProto dtype. */
        dtype: number;

        /** TensorProto tensor_shape. */
        tensor_shape?: (mirrorboard.TensorShape.$Properties|null);

        /** TensorProto tensor_content. */
        tensor_content: Uint8Array;

        /** TensorProto float_val. */
        float_val: number[];

        /** TensorProto double_val. */
        double_val: number[];

        /** TensorProto int_val. */
        int_val: number[];

        /** TensorProto string_val. */
        string_val: Uint8Array[];

        /** TensorProto scomplex_val. */
        scomplex_val: number[];

        /** TensorProto int64_val. */
        int64_val: Long[];

        /** TensorProto bool_val. */
        bool_val: boolean[];

        /** TensorProto dcomplex_val. */
        dcomplex_val: number[];

        /** TensorProto half_val. */
        half_val: number[];

        /** TensorProto uint32_val. */
        uint32_val: number[];

        /** TensorProto uint64_val. */
        uint64_val: Long[];

        /**
         * Decodes a TensorProto message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.TensorProto & mirrorboard.TensorProto.$Shape} TensorProto
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.TensorProto & mirrorboard.TensorProto.$Shape;
    }

    namespace TensorProto {

        /** Properties of a TensorProto. */
        interface $Properties {

            /** TensorProto dtype */
            dtype?: (number|null);

            /** TensorProto tensor_shape */
            tensor_shape?: (mirrorboard.TensorShape.$Properties|null);

            /** TensorProto tensor_content */
            tensor_content?: (Uint8Array|null);

            /** TensorProto float_val */
            float_val?: (number[]|null);

            /** TensorProto double_val */
            double_val?: (number[]|null);

            /** TensorProto int_val */
            int_val?: (number[]|null);

            /** TensorProto string_val */
            string_val?: (Uint8Array[]|null);

            /** TensorProto scomplex_val */
            scomplex_val?: (number[]|null);

            /** TensorProto int64_val */
            int64_val?: (Long[]|null);

            /** TensorProto bool_val */
            bool_val?: (boolean[]|null);

            /** TensorProto dcomplex_val */
            dcomplex_val?: (number[]|null);

            /** TensorProto half_val */
            half_val?: (number[]|null);

            /** TensorProto uint32_val */
            uint32_val?: (number[]|null);

            /** TensorProto uint64_val */
            uint64_val?: (Long[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a TensorProto. */
        type $Shape = mirrorboard.TensorProto.$Properties;
    }

    /**
     * Properties of a TensorShape.
     * @deprecated Use mirrorboard.TensorShape.$Properties instead.
     */
    interface ITensorShape extends mirrorboard.TensorShape.$Properties {
    }

    /** Represents a TensorShape. */
    class TensorShape {

        /**
         * Constructs a new TensorShape.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.TensorShape.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** TensorShape dim. */
        dim: mirrorboard.TensorShape.Dim.$Properties[];

        /** TensorShape unknown_rank. */
        unknown_rank: boolean;

        /**
         * Decodes a TensorShape message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.TensorShape & mirrorboard.TensorShape.$Shape} TensorShape
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.TensorShape & mirrorboard.TensorShape.$Shape;
    }

    namespace TensorShape {

        /** Properties of a TensorShape. */
        interface $Properties {

            /** TensorShape dim */
            dim?: (mirrorboard.TensorShape.Dim.$Properties[]|null);

            /** TensorShape unknown_rank */
            unknown_rank?: (boolean|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a TensorShape. */
        type $Shape = mirrorboard.TensorShape.$Properties;

        /**
         * Properties of a Dim.
         * @deprecated Use mirrorboard.TensorShape.Dim.$Properties instead.
         */
        interface IDim extends mirrorboard.TensorShape.Dim.$Properties {
        }

        /** Represents a Dim. */
        class Dim {

            /**
             * Constructs a new Dim.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.TensorShape.Dim.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Dim size. */
            size: Long;

            /** Dim name. */
            name: string;

            /**
             * Decodes a Dim message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.TensorShape.Dim & mirrorboard.TensorShape.Dim.$Shape} Dim
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.TensorShape.Dim & mirrorboard.TensorShape.Dim.$Shape;
        }

        namespace Dim {

            /** Properties of a Dim. */
            interface $Properties {

                /** Dim size */
                size?: (Long|null);

                /** Dim name */
                name?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Dim. */
            type $Shape = mirrorboard.TensorShape.Dim.$Properties;
        }
    }

    /**
     * Properties of a HParamsPluginData.
     * @deprecated Use mirrorboard.HParamsPluginData.$Properties instead.
     */
    interface IHParamsPluginData extends mirrorboard.HParamsPluginData.$Properties {
    }

    /** Represents a HParamsPluginData. */
    class HParamsPluginData {

        /**
         * Constructs a new HParamsPluginData.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.HParamsPluginData.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** HParamsPluginData version. */
        version: number;

        /** HParamsPluginData experiment. */
        experiment?: (mirrorboard.HParamsExperiment.$Properties|null);

        /** HParamsPluginData session_start_info. */
        session_start_info?: (mirrorboard.SessionStartInfo.$Properties|null);

        /** HParamsPluginData session_end_info. */
        session_end_info?: (mirrorboard.SessionEndInfo.$Properties|null);

        /** HParamsPluginData data. */
        data?: ("experiment"|"session_start_info"|"session_end_info");

        /**
         * Decodes a HParamsPluginData message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.HParamsPluginData & mirrorboard.HParamsPluginData.$Shape} HParamsPluginData
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.HParamsPluginData & mirrorboard.HParamsPluginData.$Shape;
    }

    namespace HParamsPluginData {

        /** Properties of a HParamsPluginData. */
        interface $Properties {

            /** HParamsPluginData version */
            version?: (number|null);

            /** HParamsPluginData experiment */
            experiment?: (mirrorboard.HParamsExperiment.$Properties|null);

            /** HParamsPluginData session_start_info */
            session_start_info?: (mirrorboard.SessionStartInfo.$Properties|null);

            /** HParamsPluginData session_end_info */
            session_end_info?: (mirrorboard.SessionEndInfo.$Properties|null);

            /** HParamsPluginData data */
            data?: ("experiment"|"session_start_info"|"session_end_info");

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Narrowed shape of a HParamsPluginData. */
        type $Shape = {
          version?: number|null;
          experiment?: mirrorboard.HParamsExperiment.$Shape|null;
          session_start_info?: mirrorboard.SessionStartInfo.$Shape|null;
          session_end_info?: mirrorboard.SessionEndInfo.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ data?: undefined; experiment?: null; session_start_info?: null; session_end_info?: null }|{ data?: "experiment"; experiment: mirrorboard.HParamsExperiment.$Shape; session_start_info?: null; session_end_info?: null }|{ data?: "session_start_info"; experiment?: null; session_start_info: mirrorboard.SessionStartInfo.$Shape; session_end_info?: null }|{ data?: "session_end_info"; experiment?: null; session_start_info?: null; session_end_info: mirrorboard.SessionEndInfo.$Shape })
        );
    }

    /**
     * Properties of a HParamsExperiment.
     * @deprecated Use mirrorboard.HParamsExperiment.$Properties instead.
     */
    interface IHParamsExperiment extends mirrorboard.HParamsExperiment.$Properties {
    }

    /** Represents a HParamsExperiment. */
    class HParamsExperiment {

        /**
         * Constructs a new HParamsExperiment.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.HParamsExperiment.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** HParamsExperiment description. */
        description: string;

        /** HParamsExperiment user. */
        user: string;

        /** HParamsExperiment time_created_secs. */
        time_created_secs: number;

        /** HParamsExperiment hparam_infos. */
        hparam_infos: mirrorboard.HParamInfo.$Properties[];

        /** HParamsExperiment metric_infos. */
        metric_infos: mirrorboard.MetricInfo.$Properties[];

        /** HParamsExperiment name. */
        name: string;

        /**
         * Decodes a HParamsExperiment message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.HParamsExperiment & mirrorboard.HParamsExperiment.$Shape} HParamsExperiment
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.HParamsExperiment & mirrorboard.HParamsExperiment.$Shape;
    }

    namespace HParamsExperiment {

        /** Properties of a HParamsExperiment. */
        interface $Properties {

            /** HParamsExperiment description */
            description?: (string|null);

            /** HParamsExperiment user */
            user?: (string|null);

            /** HParamsExperiment time_created_secs */
            time_created_secs?: (number|null);

            /** HParamsExperiment hparam_infos */
            hparam_infos?: (mirrorboard.HParamInfo.$Properties[]|null);

            /** HParamsExperiment metric_infos */
            metric_infos?: (mirrorboard.MetricInfo.$Properties[]|null);

            /** HParamsExperiment name */
            name?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a HParamsExperiment. */
        type $Shape = {
          description?: string|null;
          user?: string|null;
          time_created_secs?: number|null;
          hparam_infos?: mirrorboard.HParamInfo.$Shape[]|null;
          metric_infos?: mirrorboard.MetricInfo.$Shape[]|null;
          name?: string|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of a HParamInfo.
     * @deprecated Use mirrorboard.HParamInfo.$Properties instead.
     */
    interface IHParamInfo extends mirrorboard.HParamInfo.$Properties {
    }

    /** Represents a HParamInfo. */
    class HParamInfo {

        /**
         * Constructs a new HParamInfo.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.HParamInfo.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** HParamInfo name. */
        name: string;

        /** HParamInfo display_name. */
        display_name: string;

        /** HParamInfo description. */
        description: string;

        /** HParamInfo type. */
        type: mirrorboard.HParamType;

        /** HParamInfo domain_discrete. */
        domain_discrete?: (mirrorboard.ListValue.$Properties|null);

        /** HParamInfo domain_interval. */
        domain_interval?: (mirrorboard.Interval.$Properties|null);

        /** HParamInfo differs. */
        differs: boolean;

        /** HParamInfo domain. */
        domain?: ("domain_discrete"|"domain_interval");

        /**
         * Decodes a HParamInfo message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.HParamInfo & mirrorboard.HParamInfo.$Shape} HParamInfo
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.HParamInfo & mirrorboard.HParamInfo.$Shape;
    }

    namespace HParamInfo {

        /** Properties of a HParamInfo. */
        interface $Properties {

            /** HParamInfo name */
            name?: (string|null);

            /** HParamInfo display_name */
            display_name?: (string|null);

            /** HParamInfo description */
            description?: (string|null);

            /** HParamInfo type */
            type?: (mirrorboard.HParamType|null);

            /** HParamInfo domain_discrete */
            domain_discrete?: (mirrorboard.ListValue.$Properties|null);

            /** HParamInfo domain_interval */
            domain_interval?: (mirrorboard.Interval.$Properties|null);

            /** HParamInfo differs */
            differs?: (boolean|null);

            /** HParamInfo domain */
            domain?: ("domain_discrete"|"domain_interval");

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Narrowed shape of a HParamInfo. */
        type $Shape = {
          name?: string|null;
          display_name?: string|null;
          description?: string|null;
          type?: mirrorboard.HParamType|null;
          domain_discrete?: mirrorboard.ListValue.$Shape|null;
          domain_interval?: mirrorboard.Interval.$Shape|null;
          differs?: boolean|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ domain?: undefined; domain_discrete?: null; domain_interval?: null }|{ domain?: "domain_discrete"; domain_discrete: mirrorboard.ListValue.$Shape; domain_interval?: null }|{ domain?: "domain_interval"; domain_discrete?: null; domain_interval: mirrorboard.Interval.$Shape })
        );
    }

    /** HParamType enum. */
    enum HParamType {

        /** DATA_TYPE_UNSET value */
        DATA_TYPE_UNSET = 0,

        /** DATA_TYPE_STRING value */
        DATA_TYPE_STRING = 1,

        /** DATA_TYPE_BOOL value */
        DATA_TYPE_BOOL = 2,

        /** DATA_TYPE_FLOAT64 value */
        DATA_TYPE_FLOAT64 = 3
    }

    /**
     * Properties of an Interval.
     * @deprecated Use mirrorboard.Interval.$Properties instead.
     */
    interface IInterval extends mirrorboard.Interval.$Properties {
    }

    /** Represents an Interval. */
    class Interval {

        /**
         * Constructs a new Interval.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Interval.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Interval min_value. */
        min_value: number;

        /** Interval max_value. */
        max_value: number;

        /**
         * Decodes an Interval message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Interval & mirrorboard.Interval.$Shape} Interval
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Interval & mirrorboard.Interval.$Shape;
    }

    namespace Interval {

        /** Properties of an Interval. */
        interface $Properties {

            /** Interval min_value */
            min_value?: (number|null);

            /** Interval max_value */
            max_value?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an Interval. */
        type $Shape = mirrorboard.Interval.$Properties;
    }

    /**
     * Properties of a MetricInfo.
     * @deprecated Use mirrorboard.MetricInfo.$Properties instead.
     */
    interface IMetricInfo extends mirrorboard.MetricInfo.$Properties {
    }

    /** Represents a MetricInfo. */
    class MetricInfo {

        /**
         * Constructs a new MetricInfo.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.MetricInfo.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MetricInfo name. */
        name?: (mirrorboard.MetricName.$Properties|null);

        /** MetricInfo display_name. */
        display_name: string;

        /** MetricInfo description. */
        description: string;

        /** MetricInfo dataset_type. */
        dataset_type: mirrorboard.DatasetType;

        /**
         * Decodes a MetricInfo message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.MetricInfo & mirrorboard.MetricInfo.$Shape} MetricInfo
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.MetricInfo & mirrorboard.MetricInfo.$Shape;
    }

    namespace MetricInfo {

        /** Properties of a MetricInfo. */
        interface $Properties {

            /** MetricInfo name */
            name?: (mirrorboard.MetricName.$Properties|null);

            /** MetricInfo display_name */
            display_name?: (string|null);

            /** MetricInfo description */
            description?: (string|null);

            /** MetricInfo dataset_type */
            dataset_type?: (mirrorboard.DatasetType|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MetricInfo. */
        type $Shape = mirrorboard.MetricInfo.$Properties;
    }

    /**
     * Properties of a MetricName.
     * @deprecated Use mirrorboard.MetricName.$Properties instead.
     */
    interface IMetricName extends mirrorboard.MetricName.$Properties {
    }

    /** Represents a MetricName. */
    class MetricName {

        /**
         * Constructs a new MetricName.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.MetricName.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MetricName group. */
        group: string;

        /** MetricName tag. */
        tag: string;

        /**
         * Decodes a MetricName message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.MetricName & mirrorboard.MetricName.$Shape} MetricName
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.MetricName & mirrorboard.MetricName.$Shape;
    }

    namespace MetricName {

        /** Properties of a MetricName. */
        interface $Properties {

            /** MetricName group */
            group?: (string|null);

            /** MetricName tag */
            tag?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MetricName. */
        type $Shape = mirrorboard.MetricName.$Properties;
    }

    /** DatasetType enum. */
    enum DatasetType {

        /** DATASET_UNKNOWN value */
        DATASET_UNKNOWN = 0,

        /** DATASET_TRAINING value */
        DATASET_TRAINING = 1,

        /** DATASET_VALIDATION value */
        DATASET_VALIDATION = 2
    }

    /**
     * Properties of a SessionStartInfo.
     * @deprecated Use mirrorboard.SessionStartInfo.$Properties instead.
     */
    interface ISessionStartInfo extends mirrorboard.SessionStartInfo.$Properties {
    }

    /** Represents a SessionStartInfo. */
    class SessionStartInfo {

        /**
         * Constructs a new SessionStartInfo.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SessionStartInfo.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SessionStartInfo hparams. */
        hparams: { [k: string]: mirrorboard.Value.$Properties };

        /** SessionStartInfo model_uri. */
        model_uri: string;

        /** SessionStartInfo monitor_url. */
        monitor_url: string;

        /** SessionStartInfo group_name. */
        group_name: string;

        /** SessionStartInfo start_time_secs. */
        start_time_secs: number;

        /**
         * Decodes a SessionStartInfo message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SessionStartInfo & mirrorboard.SessionStartInfo.$Shape} SessionStartInfo
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SessionStartInfo & mirrorboard.SessionStartInfo.$Shape;
    }

    namespace SessionStartInfo {

        /** Properties of a SessionStartInfo. */
        interface $Properties {

            /** SessionStartInfo hparams */
            hparams?: ({ [k: string]: mirrorboard.Value.$Properties }|null);

            /** SessionStartInfo model_uri */
            model_uri?: (string|null);

            /** SessionStartInfo monitor_url */
            monitor_url?: (string|null);

            /** SessionStartInfo group_name */
            group_name?: (string|null);

            /** SessionStartInfo start_time_secs */
            start_time_secs?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SessionStartInfo. */
        type $Shape = {
          hparams?: { [k: string]: mirrorboard.Value.$Shape }|null;
          model_uri?: string|null;
          monitor_url?: string|null;
          group_name?: string|null;
          start_time_secs?: number|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of a SessionEndInfo.
     * @deprecated Use mirrorboard.SessionEndInfo.$Properties instead.
     */
    interface ISessionEndInfo extends mirrorboard.SessionEndInfo.$Properties {
    }

    /** Represents a SessionEndInfo. */
    class SessionEndInfo {

        /**
         * Constructs a new SessionEndInfo.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SessionEndInfo.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SessionEndInfo status. */
        status: mirrorboard.SessionStatus;

        /** SessionEndInfo end_time_secs. */
        end_time_secs: number;

        /**
         * Decodes a SessionEndInfo message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SessionEndInfo & mirrorboard.SessionEndInfo.$Shape} SessionEndInfo
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SessionEndInfo & mirrorboard.SessionEndInfo.$Shape;
    }

    namespace SessionEndInfo {

        /** Properties of a SessionEndInfo. */
        interface $Properties {

            /** SessionEndInfo status */
            status?: (mirrorboard.SessionStatus|null);

            /** SessionEndInfo end_time_secs */
            end_time_secs?: (number|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SessionEndInfo. */
        type $Shape = mirrorboard.SessionEndInfo.$Properties;
    }

    /** SessionStatus enum. */
    enum SessionStatus {

        /** STATUS_UNKNOWN value */
        STATUS_UNKNOWN = 0,

        /** STATUS_SUCCESS value */
        STATUS_SUCCESS = 1,

        /** STATUS_FAILURE value */
        STATUS_FAILURE = 2,

        /** STATUS_RUNNING value */
        STATUS_RUNNING = 3
    }

    /**
     * Properties of a Layout.
     * @deprecated Use mirrorboard.Layout.$Properties instead.
     */
    interface ILayout extends mirrorboard.Layout.$Properties {
    }

    /** Represents a Layout. */
    class Layout {

        /**
         * Constructs a new Layout.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Layout.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Layout version. */
        version: number;

        /** Layout category. */
        category: mirrorboard.LayoutCategory.$Properties[];

        /**
         * Decodes a Layout message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Layout & mirrorboard.Layout.$Shape} Layout
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Layout & mirrorboard.Layout.$Shape;
    }

    namespace Layout {

        /** Properties of a Layout. */
        interface $Properties {

            /** Layout version */
            version?: (number|null);

            /** Layout category */
            category?: (mirrorboard.LayoutCategory.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a Layout. */
        type $Shape = {
          version?: number|null;
          category?: mirrorboard.LayoutCategory.$Shape[]|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of a LayoutCategory.
     * @deprecated Use mirrorboard.LayoutCategory.$Properties instead.
     */
    interface ILayoutCategory extends mirrorboard.LayoutCategory.$Properties {
    }

    /** Represents a LayoutCategory. */
    class LayoutCategory {

        /**
         * Constructs a new LayoutCategory.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.LayoutCategory.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** LayoutCategory title. */
        title: string;

        /** LayoutCategory chart. */
        chart: mirrorboard.LayoutChart.$Properties[];

        /** LayoutCategory closed. */
        closed: boolean;

        /**
         * Decodes a LayoutCategory message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.LayoutCategory & mirrorboard.LayoutCategory.$Shape} LayoutCategory
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.LayoutCategory & mirrorboard.LayoutCategory.$Shape;
    }

    namespace LayoutCategory {

        /** Properties of a LayoutCategory. */
        interface $Properties {

            /** LayoutCategory title */
            title?: (string|null);

            /** LayoutCategory chart */
            chart?: (mirrorboard.LayoutChart.$Properties[]|null);

            /** LayoutCategory closed */
            closed?: (boolean|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a LayoutCategory. */
        type $Shape = {
          title?: string|null;
          chart?: mirrorboard.LayoutChart.$Shape[]|null;
          closed?: boolean|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of a LayoutChart.
     * @deprecated Use mirrorboard.LayoutChart.$Properties instead.
     */
    interface ILayoutChart extends mirrorboard.LayoutChart.$Properties {
    }

    /** Represents a LayoutChart. */
    class LayoutChart {

        /**
         * Constructs a new LayoutChart.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.LayoutChart.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** LayoutChart title. */
        title: string;

        /** LayoutChart multiline. */
        multiline?: (mirrorboard.MultilineChart.$Properties|null);

        /** LayoutChart margin. */
        margin?: (mirrorboard.MarginChart.$Properties|null);

        /** LayoutChart content. */
        content?: ("multiline"|"margin");

        /**
         * Decodes a LayoutChart message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.LayoutChart & mirrorboard.LayoutChart.$Shape} LayoutChart
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.LayoutChart & mirrorboard.LayoutChart.$Shape;
    }

    namespace LayoutChart {

        /** Properties of a LayoutChart. */
        interface $Properties {

            /** LayoutChart title */
            title?: (string|null);

            /** LayoutChart multiline */
            multiline?: (mirrorboard.MultilineChart.$Properties|null);

            /** LayoutChart margin */
            margin?: (mirrorboard.MarginChart.$Properties|null);

            /** LayoutChart content */
            content?: ("multiline"|"margin");

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Narrowed shape of a LayoutChart. */
        type $Shape = {
          title?: string|null;
          multiline?: mirrorboard.MultilineChart.$Shape|null;
          margin?: mirrorboard.MarginChart.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ content?: undefined; multiline?: null; margin?: null }|{ content?: "multiline"; multiline: mirrorboard.MultilineChart.$Shape; margin?: null }|{ content?: "margin"; multiline?: null; margin: mirrorboard.MarginChart.$Shape })
        );
    }

    /**
     * Properties of a MultilineChart.
     * @deprecated Use mirrorboard.MultilineChart.$Properties instead.
     */
    interface IMultilineChart extends mirrorboard.MultilineChart.$Properties {
    }

    /** Represents a MultilineChart. */
    class MultilineChart {

        /**
         * Constructs a new MultilineChart.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.MultilineChart.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MultilineChart tag. */
        tag: string[];

        /**
         * Decodes a MultilineChart message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.MultilineChart & mirrorboard.MultilineChart.$Shape} MultilineChart
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.MultilineChart & mirrorboard.MultilineChart.$Shape;
    }

    namespace MultilineChart {

        /** Properties of a MultilineChart. */
        interface $Properties {

            /** MultilineChart tag */
            tag?: (string[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MultilineChart. */
        type $Shape = mirrorboard.MultilineChart.$Properties;
    }

    /**
     * Properties of a MarginChart.
     * @deprecated Use mirrorboard.MarginChart.$Properties instead.
     */
    interface IMarginChart extends mirrorboard.MarginChart.$Properties {
    }

    /** Represents a MarginChart. */
    class MarginChart {

        /**
         * Constructs a new MarginChart.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.MarginChart.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** MarginChart series. */
        series: mirrorboard.MarginChart.Series.$Properties[];

        /**
         * Decodes a MarginChart message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.MarginChart & mirrorboard.MarginChart.$Shape} MarginChart
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.MarginChart & mirrorboard.MarginChart.$Shape;
    }

    namespace MarginChart {

        /** Properties of a MarginChart. */
        interface $Properties {

            /** MarginChart series */
            series?: (mirrorboard.MarginChart.Series.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a MarginChart. */
        type $Shape = mirrorboard.MarginChart.$Properties;

        /**
         * Properties of a Series.
         * @deprecated Use mirrorboard.MarginChart.Series.$Properties instead.
         */
        interface ISeries extends mirrorboard.MarginChart.Series.$Properties {
        }

        /** Represents a Series. */
        class Series {

            /**
             * Constructs a new Series.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.MarginChart.Series.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Series value. */
            value: string;

            /** Series lower. */
            lower: string;

            /** Series upper. */
            upper: string;

            /**
             * Decodes a Series message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.MarginChart.Series & mirrorboard.MarginChart.Series.$Shape} Series
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.MarginChart.Series & mirrorboard.MarginChart.Series.$Shape;
        }

        namespace Series {

            /** Properties of a Series. */
            interface $Properties {

                /** Series value */
                value?: (string|null);

                /** Series lower */
                lower?: (string|null);

                /** Series upper */
                upper?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Series. */
            type $Shape = mirrorboard.MarginChart.Series.$Properties;
        }
    }

    /**
     * Properties of a Value.
     * @deprecated Use mirrorboard.Value.$Properties instead.
     */
    interface IValue extends mirrorboard.Value.$Properties {
    }

    /** Represents a Value. */
    class Value {

        /**
         * Constructs a new Value.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Value.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Value null_value. */
        null_value?: (mirrorboard.NullValue|null);

        /** Value number_value. */
        number_value?: (number|null);

        /** Value string_value. */
        string_value?: (string|null);

        /** Value bool_value. */
        bool_value?: (boolean|null);

        /** Value struct_value. */
        struct_value?: (mirrorboard.Struct.$Properties|null);

        /** Value list_value. */
        list_value?: (mirrorboard.ListValue.$Properties|null);

        /** Value kind. */
        kind?: ("null_value"|"number_value"|"string_value"|"bool_value"|"struct_value"|"list_value");

        /**
         * Decodes a Value message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Value & mirrorboard.Value.$Shape} Value
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Value & mirrorboard.Value.$Shape;
    }

    namespace Value {

        /** Properties of a Value. */
        interface $Properties {

            /** Value null_value */
            null_value?: (mirrorboard.NullValue|null);

            /** Value number_value */
            number_value?: (number|null);

            /** Value string_value */
            string_value?: (string|null);

            /** Value bool_value */
            bool_value?: (boolean|null);

            /** Value struct_value */
            struct_value?: (mirrorboard.Struct.$Properties|null);

            /** Value list_value */
            list_value?: (mirrorboard.ListValue.$Properties|null);

            /** Value kind */
            kind?: ("null_value"|"number_value"|"string_value"|"bool_value"|"struct_value"|"list_value");

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Narrowed shape of a Value. */
        type $Shape = {
          null_value?: mirrorboard.NullValue|null;
          number_value?: number|null;
          string_value?: string|null;
          bool_value?: boolean|null;
          struct_value?: mirrorboard.Struct.$Shape|null;
          list_value?: mirrorboard.ListValue.$Shape|null;
          $unknowns?: Uint8Array[];
        } & (
          ({ kind?: undefined; null_value?: null; number_value?: null; string_value?: null; bool_value?: null; struct_value?: null; list_value?: null }|{ kind?: "null_value"; null_value: mirrorboard.NullValue; number_value?: null; string_value?: null; bool_value?: null; struct_value?: null; list_value?: null }|{ kind?: "number_value"; null_value?: null; number_value: number; string_value?: null; bool_value?: null; struct_value?: null; list_value?: null }|{ kind?: "string_value"; null_value?: null; number_value?: null; string_value: string; bool_value?: null; struct_value?: null; list_value?: null }|{ kind?: "bool_value"; null_value?: null; number_value?: null; string_value?: null; bool_value: boolean; struct_value?: null; list_value?: null }|{ kind?: "struct_value"; null_value?: null; number_value?: null; string_value?: null; bool_value?: null; struct_value: mirrorboard.Struct.$Shape; list_value?: null }|{ kind?: "list_value"; null_value?: null; number_value?: null; string_value?: null; bool_value?: null; struct_value?: null; list_value: mirrorboard.ListValue.$Shape })
        );
    }

    /** NullValue enum. */
    enum NullValue {

        /** NULL_VALUE value */
        NULL_VALUE = 0
    }

    /**
     * Properties of a Struct.
     * @deprecated Use mirrorboard.Struct.$Properties instead.
     */
    interface IStruct extends mirrorboard.Struct.$Properties {
    }

    /** Represents a Struct. */
    class Struct {

        /**
         * Constructs a new Struct.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.Struct.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** Struct fields. */
        fields: { [k: string]: mirrorboard.Value.$Properties };

        /**
         * Decodes a Struct message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.Struct & mirrorboard.Struct.$Shape} Struct
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.Struct & mirrorboard.Struct.$Shape;
    }

    namespace Struct {

        /** Properties of a Struct. */
        interface $Properties {

            /** Struct fields */
            fields?: ({ [k: string]: mirrorboard.Value.$Properties }|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a Struct. */
        type $Shape = {
          fields?: { [k: string]: mirrorboard.Value.$Shape }|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of a ListValue.
     * @deprecated Use mirrorboard.ListValue.$Properties instead.
     */
    interface IListValue extends mirrorboard.ListValue.$Properties {
    }

    /** Represents a ListValue. */
    class ListValue {

        /**
         * Constructs a new ListValue.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.ListValue.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** ListValue values. */
        values: mirrorboard.Value.$Properties[];

        /**
         * Decodes a ListValue message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.ListValue & mirrorboard.ListValue.$Shape} ListValue
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.ListValue & mirrorboard.ListValue.$Shape;
    }

    namespace ListValue {

        /** Properties of a ListValue. */
        interface $Properties {

            /** ListValue values */
            values?: (mirrorboard.Value.$Properties[]|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a ListValue. */
        type $Shape = {
          values?: mirrorboard.Value.$Shape[]|null;
          $unknowns?: Uint8Array[];
        };
    }

    /**
     * Properties of an ExperimentRequest.
     * @deprecated Use mirrorboard.ExperimentRequest.$Properties instead.
     */
    interface IExperimentRequest extends mirrorboard.ExperimentRequest.$Properties {
    }

    /** Represents an ExperimentRequest. */
    class ExperimentRequest {

        /**
         * Constructs a new ExperimentRequest.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.ExperimentRequest.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** ExperimentRequest experiment_id. */
        experiment_id: string;

        /**
         * Decodes an ExperimentRequest message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.ExperimentRequest & mirrorboard.ExperimentRequest.$Shape} ExperimentRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.ExperimentRequest & mirrorboard.ExperimentRequest.$Shape;
    }

    namespace ExperimentRequest {

        /** Properties of an ExperimentRequest. */
        interface $Properties {

            /** ExperimentRequest experiment_id */
            experiment_id?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of an ExperimentRequest. */
        type $Shape = mirrorboard.ExperimentRequest.$Properties;
    }

    /**
     * Properties of a SeriesRequest.
     * @deprecated Use mirrorboard.SeriesRequest.$Properties instead.
     */
    interface ISeriesRequest extends mirrorboard.SeriesRequest.$Properties {
    }

    /** Represents a SeriesRequest. */
    class SeriesRequest {

        /**
         * Constructs a new SeriesRequest.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.SeriesRequest.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** SeriesRequest experiment_id. */
        experiment_id: string;

        /** SeriesRequest plugin_filter. */
        plugin_filter?: (mirrorboard.SeriesRequest.PluginFilter.$Properties|null);

        /** SeriesRequest run_tag_filter. */
        run_tag_filter?: (mirrorboard.SeriesRequest.RunTagFilter.$Properties|null);

        /** SeriesRequest downsample. */
        downsample?: (mirrorboard.SeriesRequest.Downsample.$Properties|null);

        /**
         * Decodes a SeriesRequest message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.SeriesRequest & mirrorboard.SeriesRequest.$Shape} SeriesRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SeriesRequest & mirrorboard.SeriesRequest.$Shape;
    }

    namespace SeriesRequest {

        /** Properties of a SeriesRequest. */
        interface $Properties {

            /** SeriesRequest experiment_id */
            experiment_id?: (string|null);

            /** SeriesRequest plugin_filter */
            plugin_filter?: (mirrorboard.SeriesRequest.PluginFilter.$Properties|null);

            /** SeriesRequest run_tag_filter */
            run_tag_filter?: (mirrorboard.SeriesRequest.RunTagFilter.$Properties|null);

            /** SeriesRequest downsample */
            downsample?: (mirrorboard.SeriesRequest.Downsample.$Properties|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a SeriesRequest. */
        type $Shape = mirrorboard.SeriesRequest.$Properties;

        /**
         * Properties of a PluginFilter.
         * @deprecated Use mirrorboard.SeriesRequest.PluginFilter.$Properties instead.
         */
        interface IPluginFilter extends mirrorboard.SeriesRequest.PluginFilter.$Properties {
        }

        /** Represents a PluginFilter. */
        class PluginFilter {

            /**
             * Constructs a new PluginFilter.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.SeriesRequest.PluginFilter.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** PluginFilter plugin_name. */
            plugin_name: string;

            /**
             * Decodes a PluginFilter message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.SeriesRequest.PluginFilter & mirrorboard.SeriesRequest.PluginFilter.$Shape} PluginFilter
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SeriesRequest.PluginFilter & mirrorboard.SeriesRequest.PluginFilter.$Shape;
        }

        namespace PluginFilter {

            /** Properties of a PluginFilter. */
            interface $Properties {

                /** PluginFilter plugin_name */
                plugin_name?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a PluginFilter. */
            type $Shape = mirrorboard.SeriesRequest.PluginFilter.$Properties;
        }

        /**
         * Properties of a Names.
         * @deprecated Use mirrorboard.SeriesRequest.Names.$Properties instead.
         */
        interface INames extends mirrorboard.SeriesRequest.Names.$Properties {
        }

        /** Represents a Names. */
        class Names {

            /**
             * Constructs a new Names.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.SeriesRequest.Names.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Names names. */
            names: string[];

            /**
             * Decodes a Names message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.SeriesRequest.Names & mirrorboard.SeriesRequest.Names.$Shape} Names
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SeriesRequest.Names & mirrorboard.SeriesRequest.Names.$Shape;
        }

        namespace Names {

            /** Properties of a Names. */
            interface $Properties {

                /** Names names */
                names?: (string[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Names. */
            type $Shape = mirrorboard.SeriesRequest.Names.$Properties;
        }

        /**
         * Properties of a RunTagFilter.
         * @deprecated Use mirrorboard.SeriesRequest.RunTagFilter.$Properties instead.
         */
        interface IRunTagFilter extends mirrorboard.SeriesRequest.RunTagFilter.$Properties {
        }

        /** Represents a RunTagFilter. */
        class RunTagFilter {

            /**
             * Constructs a new RunTagFilter.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.SeriesRequest.RunTagFilter.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** RunTagFilter runs. */
            runs?: (mirrorboard.SeriesRequest.Names.$Properties|null);

            /** RunTagFilter tags. */
            tags?: (mirrorboard.SeriesRequest.Names.$Properties|null);

            /**
             * Decodes a RunTagFilter message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.SeriesRequest.RunTagFilter & mirrorboard.SeriesRequest.RunTagFilter.$Shape} RunTagFilter
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SeriesRequest.RunTagFilter & mirrorboard.SeriesRequest.RunTagFilter.$Shape;
        }

        namespace RunTagFilter {

            /** Properties of a RunTagFilter. */
            interface $Properties {

                /** RunTagFilter runs */
                runs?: (mirrorboard.SeriesRequest.Names.$Properties|null);

                /** RunTagFilter tags */
                tags?: (mirrorboard.SeriesRequest.Names.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a RunTagFilter. */
            type $Shape = mirrorboard.SeriesRequest.RunTagFilter.$Properties;
        }

        /**
         * Properties of a Downsample.
         * @deprecated Use mirrorboard.SeriesRequest.Downsample.$Properties instead.
         */
        interface IDownsample extends mirrorboard.SeriesRequest.Downsample.$Properties {
        }

        /** Represents a Downsample. */
        class Downsample {

            /**
             * Constructs a new Downsample.
             * @param [properties] Properties to set
             */
            constructor(properties?: mirrorboard.SeriesRequest.Downsample.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Downsample num_points. */
            num_points: Long;

            /**
             * Decodes a Downsample message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {mirrorboard.SeriesRequest.Downsample & mirrorboard.SeriesRequest.Downsample.$Shape} Downsample
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.SeriesRequest.Downsample & mirrorboard.SeriesRequest.Downsample.$Shape;
        }

        namespace Downsample {

            /** Properties of a Downsample. */
            interface $Properties {

                /** Downsample num_points */
                num_points?: (Long|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Downsample. */
            type $Shape = mirrorboard.SeriesRequest.Downsample.$Properties;
        }
    }

    /**
     * Properties of a BlobRequest.
     * @deprecated Use mirrorboard.BlobRequest.$Properties instead.
     */
    interface IBlobRequest extends mirrorboard.BlobRequest.$Properties {
    }

    /** Represents a BlobRequest. */
    class BlobRequest {

        /**
         * Constructs a new BlobRequest.
         * @param [properties] Properties to set
         */
        constructor(properties?: mirrorboard.BlobRequest.$Properties);

        /** Unknown fields preserved while decoding when enabled */
        $unknowns?: Uint8Array[];

        /** BlobRequest blob_key. */
        blob_key: string;

        /**
         * Decodes a BlobRequest message from the specified reader or buffer.
         * @param reader Reader or buffer to decode from
         * @param [length] Message length if known beforehand
         * @returns {mirrorboard.BlobRequest & mirrorboard.BlobRequest.$Shape} BlobRequest
         * @throws {Error} If the payload is not a reader or valid buffer
         * @throws {$protobuf.util.ProtocolError} If required fields are missing
         */
        static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): mirrorboard.BlobRequest & mirrorboard.BlobRequest.$Shape;
    }

    namespace BlobRequest {

        /** Properties of a BlobRequest. */
        interface $Properties {

            /** BlobRequest blob_key */
            blob_key?: (string|null);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];
        }

        /** Shape of a BlobRequest. */
        type $Shape = mirrorboard.BlobRequest.$Properties;
    }
}
